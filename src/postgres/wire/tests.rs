use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::*;

/// More columns than any table has, all null: four bytes each on the wire, and six times that in memory.
fn row_of_nulls() -> Vec<u8> {
    const COLUMNS: u16 = 1600;
    let length = 4 + 2 + 4 * u32::from(COLUMNS);
    let mut row = vec![b'D'];
    row.extend(length.to_be_bytes());
    row.extend(COLUMNS.to_be_bytes());
    row.extend([0xFF; 4].repeat(usize::from(COLUMNS)));
    row
}

#[tokio::test]
async fn an_answer_is_bounded_by_what_it_takes_in_memory() {
    let (ours, mut theirs) = tokio::io::duplex(64 << 10);
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let server = tokio::spawn(async move {
        let row = row_of_nulls();
        while theirs.write_all(&row).await.is_ok() {
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let mut wire = Wire::new(Box::new(ours), false);
    let answer = wire.run("select").await;
    drop(wire);
    server.await.unwrap();
    assert!(matches!(answer, Err(WireError::Protocol(_))), "{answer:?}");
    let held = sent.load(Ordering::Relaxed) * 1600 * size_of::<Option<String>>();
    assert!(held < ANSWER_BYTES_MAX + (8 << 20), "{held} bytes were held");
}

/// What a server sends of itself for a statement without rows, with a text as its one row.
fn answer(text: &str) -> Vec<u8> {
    let mut message = vec![b'D'];
    let length = u32::try_from(text.len()).unwrap();
    message.extend((4 + 2 + 4 + length).to_be_bytes());
    message.extend(1_u16.to_be_bytes());
    message.extend(length.to_be_bytes());
    message.extend(text.as_bytes());
    message.extend(b"Z\0\0\0\x05I");
    message
}

#[tokio::test]
async fn the_answer_to_what_was_given_up_is_nobody_elses() {
    let (ours, mut theirs) = tokio::io::duplex(64 << 10);
    let mut wire = Wire::new(Box::new(ours), false);
    let given_up = timeout(Duration::from_millis(20), wire.run("first")).await;
    assert!(given_up.is_err());
    theirs.write_all(&answer("to the first")).await.unwrap();
    let server = tokio::spawn(async move {
        let mut asked = Vec::new();
        while !asked.ends_with(b"second\0") {
            asked.push(theirs.read_u8().await.unwrap());
        }
        theirs.write_all(&answer("to the second")).await.unwrap();
        theirs
    });
    let rows = wire.run("second").await.unwrap();
    assert_eq!(rows[0].text(0), Some("to the second"));
    server.await.unwrap();
}
