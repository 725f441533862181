//! One suite for every place that can hold backups: each duty that `src/store/contract.rs` writes down is a function in
//! `duties`, and each place of `place.rs` has to carry out all of them. A further backend is one more line below.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that can't go on has failed"
)]

#[path = "../testbed/mod.rs"]
mod testbed;

mod duties;
mod folder;
mod place;

use duties::{deleting, listing, reading, telling, uploading, writing};

/// All duties, as tests on each of the places.
macro_rules! contract {
    ($($subject:ident: $($duty:ident)+;)+) => {
        /// The same on a place where a test of its own for each duty would take too long.
        const DUTIES: &[(&str, place::Duty)] = &[
            $($((stringify!($duty), |place| Box::pin($subject::$duty(place)))),+),+
        ];
        contract!(on in_a_folder FOLDER: $($($duty)+)+);
        contract!(on on_s3 S3: $($($duty)+)+);
        contract!(on on_s3_with_faults FAULTY: $($($duty)+)+);
        contract!(on on_s3_of_old OLD: $($($duty)+)+);
    };
    (on $place:ident $kind:ident: $($duty:ident)+) => {
        mod $place {
            $(
                #[test]
                fn $duty() {
                    crate::place::$kind.carries_out(concat!(stringify!($place), "::", stringify!($duty)));
                }
            )+
        }
    };
}

contract! {
    reading:
        nothing_is_there_before_it_is_written
        what_is_written_is_read
        a_range_is_all_of_it_or_an_error
        reading_takes_no_more_memory_than_allowed
        another_object_is_not_read_for_the_one_looked_at
        an_object_that_shrank_is_not_read_for_the_one_looked_at
        an_empty_object_is_one
        odd_keys_are_keys;
    writing:
        nothing_is_written_over
        of_many_writers_one_wins
        only_what_was_looked_at_is_replaced
        each_replacement_has_another_tag
        a_name_is_taken_once
        a_cancelled_write_is_whole_or_not_there;
    deleting:
        only_what_was_looked_at_is_deleted
        deleting_nothing_is_no_error
        what_is_written_anew_is_another_object;
    listing:
        a_list_of_thousands_is_whole_and_in_order
        neighbours_are_not_listed
        folders_are_named_once_and_in_order;
    uploading:
        a_large_object_arrives_as_it_was_sent
        an_upload_of_nothing_is_an_object
        there_is_no_object_before_the_end
        an_upload_writes_nothing_over
        of_many_uploads_one_wins
        a_dropped_upload_leaves_nothing
        an_aborted_upload_leaves_nothing
        a_cancelled_beginning_leaves_nothing
        what_was_left_behind_is_found_and_aborted
        aborting_leaves_the_object_alone
        what_others_aborted_is_not_completed;
    telling:
        the_place_is_reachable
        the_place_tells_the_time
        what_it_can_not_do_it_says;
}

/// One test for all: nextest would start a LocalStack for each.
#[test]
fn localstack_carries_out_every_duty() {
    place::LOCALSTACK.carries_out("localstack_carries_out_every_duty");
}
