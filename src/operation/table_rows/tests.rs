use super::*;

const TEXT: &[u8] = b"1\ta\\tb\t\\N\n2\t\t\"q\", \\\\x\\\\\n3\t\\\\.\tl\\nm\\r\n\\.\n\n\n";

fn written(format: RowFormat, cut: usize, order: Option<Vec<usize>>) -> String {
    let columns = ["id", "A b", "c,d"].map(|name| name.as_bytes().to_vec()).to_vec();
    let orders = order.map(|order| (8, order)).into_iter().collect();
    let mut rows = RowWriter::new(format, columns, orders);
    let mut to = rows.heading();
    for block in [7, 8] {
        TEXT.chunks(cut).for_each(|part| rows.push(block, part, &mut to));
    }
    String::from_utf8(to).unwrap()
}

#[test]
fn rows_come_as_they_are_whatever_the_cuts() {
    let rows = "1\ta\\tb\t\\N\n2\t\t\"q\", \\\\x\\\\\n3\t\\\\.\tl\\nm\\r\n";
    for cut in [1, 2, 5, 1000] {
        assert_eq!(written(RowFormat::Copy, cut, None), [rows, rows].concat());
    }
    let second = "a\\tb\t\\N\t1\n\t\"q\", \\\\x\\\\\t2\n\\\\.\tl\\nm\\r\t3\n";
    assert_eq!(
        written(RowFormat::Copy, 3, Some(vec![1, 2, 0])),
        [rows, second].concat()
    );
}

#[test]
fn a_row_as_it_is_goes_on_before_it_has_ended() {
    let mut rows = RowWriter::new(RowFormat::Copy, vec![b"t".to_vec()], HashMap::new());
    let mut to = Vec::new();
    for (text, written) in [
        (&b"long"[..], &b"long"[..]),
        (b" row", b"long row"),
        (b"\n", b"long row\n"),
        // what may be the end marker waits for its second half
        (b"\\", b"long row\n"),
        (b"N\t\\", b"long row\n\\N\t\\"),
        (b".\n\\", b"long row\n\\N\t\\.\n"),
        (b".", b"long row\n\\N\t\\.\n"),
        (b"\n\n\n", b"long row\n\\N\t\\.\n"),
    ] {
        rows.push(1, text, &mut to);
        assert_eq!(to, written, "{text:?}");
    }
}

#[test]
fn csv_tells_null_from_nothing() {
    let rows = "1,a\tb,\n2,\"\",\"\"\"q\"\", \\x\\\"\n3,\\.,\"l\nm\r\"\n";
    for cut in [1, 2, 5, 1000] {
        assert_eq!(
            written(RowFormat::Csv, cut, None),
            ["id,A b,\"c,d\"\n", rows, rows].concat()
        );
    }
}

#[test]
fn a_long_row_goes_on_as_csv_before_it_has_ended() {
    let long = "a\"b\\\\\\t\\n".repeat(LONG / 4);
    let wanted = "a\"\"b\\\t\n".repeat(LONG / 4);
    let short = "x".repeat(LONG - 10);
    let rows = format!("\\N\t{long}\t{short}\t\tq\"\n1\t\\N\t\\N\t\\N\t2\n{short}{short}\tz\t\t\t\\N\n\\.\n\n\n");
    let csv = format!(",\"{wanted}\",{short},\"\",\"q\"\"\"\n1,,,,2\n\"{short}{short}\",z,\"\",\"\",\n");
    for cut in [1, 7, 4096, 512 << 10] {
        let columns = ["a", "b", "c", "d", "e"].map(|name| name.as_bytes().to_vec()).to_vec();
        let mut writer = RowWriter::new(RowFormat::Csv, columns, HashMap::new());
        let (mut to, mut most) = (Vec::new(), 0);
        for part in rows.as_bytes().chunks(cut) {
            writer.push(1, part, &mut to);
            most = most.max(writer.cut.len() + writer.long.as_ref().map_or(0, |long| long.field.len()));
        }
        assert!(to == csv.as_bytes(), "{cut}");
        assert!(most <= LONG + cut, "{cut}: {most}");
    }
}

#[test]
fn an_empty_row_is_one_of_one_empty_text() {
    let mut rows = RowWriter::new(RowFormat::Csv, vec![b"t".to_vec()], HashMap::new());
    let mut to = rows.heading();
    rows.push(1, b"\n\n\\.\n\n\n", &mut to);
    assert_eq!(to, b"t\n\"\"\n\"\"\n");
    to.clear();
    rows.push(2, b"\\\\.\n\\N\n\\.\n\n\n", &mut to);
    assert_eq!(to, b"\"\\.\"\n\n");
    let mut rows = RowWriter::new(RowFormat::Csv, Vec::new(), HashMap::new());
    let mut to = Vec::new();
    rows.push(1, b"\n\\.\n\n\n", &mut to);
    assert_eq!(to, b"\n");
}
