use super::*;

/// Prepares a log and announces its size.
fn prepared_for_owner(total: u32) -> Talk {
    let mut talk = Talk::open(1);
    talk.session.prepare_table(Table::Attendance, talk.now);
    talk.sent();
    let mut size = vec![0];
    size.extend(total.to_le_bytes());
    talk.reply(Code::ACK_OK, &size);
    assert_eq!((talk.outcome(), talk.sent()), (Some(Outcome::Prepared { total }), vec![]));
    talk
}

#[test]
fn a_prepared_table_is_read_from_where_its_owner_says() {
    let mut talk = prepared_for_owner(65_472 + 104);
    assert_eq!(talk.session.poll_timeout(), None);
    talk.session.begin_at(44, talk.now);
    // READ_CHUNK: u32 start, u32 length.
    assert!(talk.sent()[0].ends_with("2c000000c0ff0000"));
    talk.reply(Code::DATA, &vec![1; 65_472]);
    talk.reply(Code::ACK_OK, &[]);
    assert_eq!(talk.chunk().len(), 65_472);
    talk.resume();
    assert!(talk.sent()[0].ends_with("ecff00003c000000"));
    talk.reply(Code::DATA, &[2; 60]);
    talk.reply(Code::ACK_OK, &[]);
    assert_eq!(talk.chunk(), vec![2; 60]);
    talk.resume();
    assert!(talk.sent()[0].starts_with("de05"));
    talk.reply(Code::ACK_OK, &[]);
    let end = TableEnd { via: TableVia::Chunks, bytes: 65_532 };
    assert_eq!(talk.outcome(), Some(Outcome::TableEnd(end)));
}

#[test]
fn a_chunk_of_a_part_that_fails_is_asked_for_again_at_the_same_place() {
    let mut talk = prepared_for_owner(200);
    talk.session.begin_at(150, talk.now);
    assert!(talk.sent()[0].ends_with("9600000032000000"));
    talk.reply(Code::ACK_ERROR, &[]);
    assert!(talk.sent()[0].ends_with("9600000032000000"));
    talk.reply(Code::ACK_ERROR, &[]);
    assert!(talk.sent()[0].starts_with("de05"));
    talk.reply(Code::ACK_OK, &[]);
    assert_eq!(talk.failure(), SessionError::ChunkLength { start: 150, wanted: 50, got: 0 });
}

#[test]
fn a_prepared_table_is_released_before_and_between_chunks() {
    for chunks in 0..2 {
        let mut talk = prepared_for_owner(100_000);
        if chunks > 0 {
            talk.session.begin_at(4, talk.now);
            talk.sent();
            talk.reply(Code::DATA, &vec![1; 65_472]);
            talk.reply(Code::ACK_OK, &[]);
            talk.chunk();
        }
        talk.session.release(talk.now);
        assert!(talk.sent()[0].starts_with("de05"));
        talk.reply(Code::ACK_OK, &[]);
        assert!(matches!(talk.outcome(), Some(Outcome::TableEnd(_))));
    }
}

#[test]
fn beginning_at_or_past_the_end_reads_nothing() {
    let mut talk = prepared_for_owner(44);
    talk.session.begin_at(44, talk.now);
    assert!(talk.sent()[0].starts_with("de05"));
    talk.reply(Code::ACK_OK, &[]);
    let end = TableEnd { via: TableVia::Chunks, bytes: 0 };
    assert_eq!(talk.outcome(), Some(Outcome::TableEnd(end)));
}

#[test]
fn a_clock_that_answers_a_preparation_with_the_body_gives_it_from_its_first_byte() {
    let mut talk = Talk::open(0x16);
    talk.session.prepare_table(Table::Attendance, talk.now);
    talk.sent();
    talk.hear(&format!("{DATA_HEADER}{BODY}"));
    assert_eq!(talk.chunk(), hex::decode(BODY).unwrap());
    talk.resume();
    talk.reply(Code::ACK_OK, &[]);
    assert!(matches!(talk.outcome(), Some(Outcome::TableEnd(TableEnd { via: TableVia::Inline, .. }))));
}

#[test]
fn a_clock_that_cannot_prepare_is_not_asked_for_everything() {
    let mut talk = Talk::open(1);
    talk.session.prepare_table(Table::Attendance, talk.now);
    talk.sent();
    talk.reply(Code::ACK_UNKNOWN, &[]);
    assert!(talk.sent()[0].starts_with("de05"));
    talk.reply(Code::ACK_OK, &[]);
    let refused = SessionError::Refused { command: Code::PREPARE_BUFFER, code: Code::ACK_UNKNOWN };
    assert_eq!(talk.failure(), refused);
}
