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
    assert!(
        held < ANSWER_BYTES_MAX + (8 << 20),
        "{held} bytes were held"
    );
}
