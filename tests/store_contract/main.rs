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
mod files;
mod folder;
mod place;
mod server;

use duties::{deleting, facts, listing, reading, uploading, writing};

/// All duties, as tests on each of the places.
macro_rules! contract {
    ($($subject:ident: $($duty:ident)+;)+) => {
        /// The same on a place where a test of its own for each duty would take too long.
        const DUTIES: &[(&str, place::Duty)] = &[
            $($((stringify!($duty), |place| Box::pin($subject::$duty(place)))),+),+
        ];
        contract!(on in_a_folder FOLDER: $($($duty)+)+);
        contract!(on on_a_server SERVER: $($($duty)+)+);
        contract!(on on_a_restricted_server RESTRICTED: $($($duty)+)+);
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
        a_range_is_complete_or_an_error
        reading_takes_no_more_memory_than_allowed
        another_object_is_not_read_for_the_one_looked_at
        an_object_that_shrank_is_not_read_for_the_one_looked_at
        an_empty_object_is_one
        odd_keys_are_keys;
    writing:
        no_object_is_overwritten
        one_of_many_writers_succeeds
        only_what_was_looked_at_is_replaced
        each_replacement_has_another_tag
        a_name_is_taken_once
        a_cancelled_write_is_complete_or_absent;
    deleting:
        only_what_was_looked_at_is_deleted
        deleting_a_missing_object_is_no_error
        what_is_written_anew_is_another_object;
    listing:
        a_list_of_thousands_is_complete_and_in_order
        neighbours_are_not_listed
        folders_are_named_once_and_in_order;
    uploading:
        a_large_object_arrives_as_it_was_sent
        an_empty_upload_is_an_object
        there_is_no_object_before_the_end
        an_upload_overwrites_nothing
        one_of_many_uploads_succeeds
        a_dropped_upload_leaves_nothing
        an_upload_of_the_same_bytes_goes_on
        what_was_kept_of_other_bytes_becomes_no_object
        what_is_discarded_is_not_kept
        a_cancelled_beginning_leaves_nothing
        what_was_left_behind_is_found_and_aborted
        aborting_does_not_change_the_object
        an_upload_aborted_by_others_is_not_completed;
    facts:
        the_place_is_reachable
        the_place_tells_the_time
        missing_capabilities_are_no_errors;
}

/// One test for all: nextest would start a LocalStack for each.
#[test]
fn localstack_fulfils_every_duty() {
    place::LOCALSTACK.carries_out("localstack_fulfils_every_duty");
}
