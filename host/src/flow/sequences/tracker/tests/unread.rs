//! Frames that came and could not be read, for good or at first.

use super::*;

#[test]
fn a_frame_that_could_not_be_read_explains_one_number() {
    let mut stream = Stream::new();
    stream.comes(A, 1);
    stream.row(SequenceRow::Unread);
    stream.comes(A, 3);
    stream.wait(REORDER);
    assert_eq!(stream.explained(), (0, 1, 1));
    // It is used up: a later gap is none of its making.
    stream.comes(A, 5);
    stream.wait(REORDER);
    assert_eq!(stream.explained(), (1, 2, 1));
    stream.row(SequenceRow::Unread);
    stream.comes(A, 9);
    stream.wait(REORDER);
    assert_eq!(stream.explained(), (2, 5, 2));
    // Nor is one of another source at the same time.
    stream.comes(B, 1);
    stream.row(SequenceRow::Unread);
    stream.comes(A, 11);
    stream.comes(B, 3);
    stream.wait(REORDER);
    assert_eq!(stream.explained(), (3, 7, 3));
}

#[test]
fn a_frame_that_is_read_at_last_fills_its_gap_and_explains_no_other_number() {
    let mut stream = Stream::new();
    stream.comes(A, 4);
    // 5 is tried again, 6 was dropped.
    stream.row(SequenceRow::Kept);
    stream.comes(A, 7);
    stream.is_read_at_last(A, 5);
    stream.wait(REORDER);
    assert_eq!(
        (stream.holes.len(), stream.counts(), stream.sum.unread),
        (1, (1, 0, 0), 0)
    );
    // Many of them say nothing of the order.
    for number in 1_000..2_000 {
        stream.is_read_at_last(A, number);
    }
    stream.comes(A, 8);
    stream.wait(REORDER);
    assert_eq!(stream.counts(), (1, 0, 0));
}

#[test]
fn a_landing_that_shows_that_a_frame_was_missed_counts_although_unread_frames_explain_the_gap() {
    let mut stream = Stream::new();
    stream.comes(A, 1);
    stream.row(SequenceRow::Unread);
    stream.comes(A, 3);
    stream.lands(A, 2);
    stream.wait(REORDER);
    assert_eq!(
        (stream.counts(), stream.sum.unread, stream.holes.len()),
        ((1, 1, 0), 0, 1)
    );
}

#[test]
fn a_frame_that_is_tried_again_was_not_missed_although_its_event_landed() {
    let mut stream = Stream::new();
    stream.comes(A, 1);
    stream.row(SequenceRow::Kept);
    stream.comes(A, 3);
    stream.lands(A, 2);
    stream.wait(10 * REORDER);
    assert!(stream.tracker.has_open(), "it may be read");
    stream.is_read_at_last(A, 2);
    assert!(!stream.tracker.has_open());
    assert_eq!((stream.holes.len(), stream.counts()), (0, (0, 0, 0)));
    // One that is never read is as any other that could not be read.
    stream.row(SequenceRow::Kept);
    stream.comes(A, 5);
    stream.wait(10 * REORDER);
    stream.tracker.note_retried(0, &[SequenceRow::Unread], 0);
    stream.look();
    assert_eq!((stream.holes.len(), stream.sum.unread), (0, 1));
    // Or is a document without a number.
    stream.row(SequenceRow::Kept);
    stream.comes(A, 7);
    stream.wait(10 * REORDER);
    stream.tracker.note_retried(0, &[SequenceRow::Kept], 0);
    stream.look();
    assert!(stream.tracker.has_open(), "it is tried once more");
    stream.tracker.note_retried(0, &[], 1);
    stream.look();
    assert!(!stream.tracker.has_open());
    // A copy of the newest number, and a number that changed places with the next one.
    stream.comes(A, 7);
    stream.comes(A, 9);
    stream.comes(A, 8);
    stream.wait(REORDER);
    // 4 is explained; what had no number explains none.
    assert_eq!(stream.explained(), (1, 2, 1));
}

#[test]
fn a_gap_waits_for_frames_that_came_before_it_and_for_no_later_ones() {
    let mut stream = Stream::new();
    stream.comes(A, 1);
    stream.row(SequenceRow::Unread);
    stream.comes(A, 3);
    // From now on there is always a frame that is tried again.
    for place in 1..10 {
        stream.place = place;
        stream.row(SequenceRow::Kept);
        stream
            .tracker
            .note_retried(place - 1, &[SequenceRow::Unread], 0);
        stream.wait(REORDER);
    }
    assert!(!stream.tracker.has_open());
    assert_eq!(stream.explained(), (0, 1, 1));
}

#[test]
fn a_frame_that_is_read_after_its_gap_was_decided_came_late() {
    let mut stream = Stream::new();
    stream.comes(A, 1);
    stream.row(SequenceRow::Kept);
    stream.comes(A, 3);
    stream.tracker.end();
    stream.is_read_at_last(A, 2);
    assert_eq!(stream.counts(), (1, 0, 1));
}

#[test]
fn a_frame_of_before_a_new_start_fills_no_gap_of_the_new_count() {
    let mut stream = Stream::new();
    for number in 990..1_000 {
        stream.comes(A, number);
    }
    stream.row(SequenceRow::Kept);
    stream.place = 1;
    for number in 0..10 {
        stream.comes(A, number);
    }
    stream.place = 0;
    stream.is_read_at_last(A, 1_000);
    stream.place = 2;
    for number in (10..1_000).chain([1_001]) {
        stream.comes(A, number);
    }
    stream.wait(REORDER);
    assert_eq!(stream.explained(), (1, 1, 0));
}

#[test]
fn a_frame_that_is_read_at_last_before_the_one_behind_it_is_not_left_out() {
    let mut stream = Stream::new();
    stream.comes(A, 4);
    stream.row(SequenceRow::Kept);
    stream.is_read_at_last(A, 5);
    stream.comes(A, 7);
    stream.wait(REORDER);
    assert_eq!((stream.sum.numbers, stream.sum.unread), (1, 0));
}

#[test]
fn a_written_frame_that_could_not_be_read_hides_no_drop() {
    let mut stream = Stream::new();
    stream.tracker = Tracker::new(REORDER, false);
    stream.comes(A, 1);
    stream.row(SequenceRow::Unread);
    stream.comes(A, 3);
    stream.wait(REORDER);
    assert_eq!(stream.explained(), (1, 1, 1));
}
