//! Bounds hold, waits are measured, and no lane starves another.

use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::thread;

use proptest::prelude::*;

use super::*;

const ROOMY: Bound = Bound {
    bytes_max: 1000,
    items_max: 1000,
};

fn one<T>(bound: Bound) -> (Sender<T>, Receiver<T>) {
    let (mut senders, receiver) = channel(&[bound]);
    (senders.remove(0), receiver)
}

#[test]
fn a_full_lane_makes_its_sender_wait_and_the_wait_is_measured() {
    let (sender, receiver) = one(Bound {
        bytes_max: 10,
        items_max: 10,
    });
    sender.send(1, 6).unwrap();
    let Err(SendTimeout::Full(item)) = sender.send_timeout(2, 6, Duration::from_millis(20)) else {
        panic!("there was no room");
    };
    assert_eq!(
        (
            sender.stats().bytes(),
            sender.stats().items(),
            sender.stats().waits()
        ),
        (6, 1, 1)
    );
    assert!(sender.stats().waited() >= Duration::from_millis(20));
    let waiting = thread::spawn(move || sender.send(item, 6).map(|()| sender));
    assert_eq!(receiver.recv(), Some(1));
    assert_eq!(receiver.recv(), Some(2));
    let sender = waiting.join().unwrap().unwrap();
    assert_eq!(
        (
            sender.stats().bytes(),
            sender.stats().items(),
            sender.stats().sent_items()
        ),
        (0, 0, 2)
    );
}

#[test]
fn items_are_bounded_as_well() {
    let (sender, _receiver) = one(Bound {
        bytes_max: 1000,
        items_max: 2,
    });
    sender.send(1, 0).unwrap();
    sender.send(2, 0).unwrap();
    assert!(matches!(
        sender.send_timeout(3, 0, Duration::ZERO),
        Err(SendTimeout::Full(3))
    ));
}

#[test]
fn an_item_larger_than_the_bound_passes_alone() {
    let (sender, receiver) = one(Bound {
        bytes_max: 10,
        items_max: 10,
    });
    sender.send("huge", 1_000_000).unwrap();
    assert!(matches!(
        sender.send_timeout("x", 1, Duration::ZERO),
        Err(SendTimeout::Full(_))
    ));
    assert_eq!(receiver.recv(), Some("huge"));
    sender.send("x", 1).unwrap();
}

#[test]
fn a_flood_on_one_lane_neither_starves_nor_fills_the_other() {
    let (senders, receiver) = channel(&[
        Bound {
            bytes_max: 3,
            items_max: 9,
        },
        ROOMY,
    ]);
    for _ in 0..3 {
        senders[0].send('a', 1).unwrap();
    }
    assert!(senders[0].send_timeout('a', 1, Duration::ZERO).is_err());
    senders[1].send('b', 1).unwrap();
    senders[1].send('b', 1).unwrap();
    let order: String = (0..5).filter_map(|_| receiver.recv()).collect();
    assert_eq!(order, "ababa");
}

#[test]
fn what_is_in_a_closed_channel_can_still_be_taken() {
    let (sender, receiver) = one(ROOMY);
    sender.send(1, 1).unwrap();
    sender.close();
    assert!(matches!(sender.send(2, 1), Err(Closed(2))));
    assert_eq!(receiver.recv(), Some(1));
    assert_eq!(receiver.recv(), None);
}

#[test]
fn the_last_sender_to_go_ends_the_channel() {
    let (sender, receiver) = one::<u8>(ROOMY);
    let other = sender.clone();
    drop(sender);
    assert_eq!(
        receiver.recv_timeout(Duration::ZERO),
        Err(RecvError::Timeout)
    );
    let waiting = thread::spawn(move || receiver.recv());
    drop(other);
    assert_eq!(waiting.join().unwrap(), None);
}

#[test]
fn the_last_receiver_to_go_frees_senders_and_drops_what_is_left() {
    let (sender, receiver) = one(Bound {
        bytes_max: 1,
        items_max: 1,
    });
    let guard = Arc::new(());
    sender.send(Arc::clone(&guard), 1).unwrap();
    let waiting = thread::spawn({
        let guard = Arc::clone(&guard);
        move || sender.send(guard, 1).is_err()
    });
    drop(receiver);
    assert!(waiting.join().unwrap(), "the waiting sender gets an error");
    assert_eq!(Arc::strong_count(&guard), 1);
}

/// Many threads on both ends; every item arrives once, in its sender's order for one receiver, and
/// the bounds hold all the time.
fn stress(senders: usize, receivers: usize, items: usize, bound: Bound) {
    let (lanes, receiver) = channel::<(usize, usize)>(&[bound, bound]);
    let stats: Vec<_> = receiver.stats().to_vec();
    let done = AtomicBool::new(false);
    let seen = AtomicUsize::new(0);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                for lane in &stats {
                    assert!(lane.bytes() <= bound.bytes_max && lane.items() <= bound.items_max);
                }
                thread::yield_now();
            }
        });
        let takers: Vec<_> = (0..receivers)
            .map(|_| {
                let receiver = receiver.clone();
                let seen = &seen;
                scope.spawn(move || {
                    let mut last = vec![None; senders];
                    let mut taken = Vec::new();
                    while let Some((from, number)) = receiver.recv() {
                        assert!(last[from] < Some(number), "a sender's items stay in order");
                        last[from] = Some(number);
                        taken.push((from, number));
                        seen.fetch_add(1, Ordering::Relaxed);
                    }
                    taken
                })
            })
            .collect();
        drop(receiver);
        for from in 0..senders {
            let sender = lanes[from % 2].clone();
            scope.spawn(move || {
                for number in 0..items {
                    let bytes = (from + number) % bound.bytes_max + 1;
                    sender.send((from, number), bytes).unwrap();
                }
            });
        }
        drop(lanes);
        let mut all: Vec<_> = takers
            .into_iter()
            .flat_map(|taker| taker.join().unwrap())
            .collect();
        done.store(true, Ordering::Release);
        watcher.join().unwrap();
        all.sort_unstable();
        let expected: Vec<_> = (0..senders)
            .flat_map(|from| (0..items).map(move |number| (from, number)))
            .collect();
        assert_eq!(all, expected);
    });
    assert_eq!(seen.into_inner(), senders * items);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_item_arrives_exactly_once(
        senders in 1..6_usize,
        receivers in 1..5_usize,
        items in 0..400_usize,
        bytes_max in 1..64_usize,
        items_max in 1..8_usize,
    ) {
        stress(senders, receivers, items, Bound { bytes_max, items_max });
    }
}

#[test]
fn a_held_lane_keeps_its_items_while_others_flow_until_the_end() {
    let bound = Bound {
        bytes_max: 100,
        items_max: 100,
    };
    let (senders, receiver) = channel::<u32>(&[bound, bound]);
    senders[0].send(1, 1).unwrap();
    senders[1].send(2, 1).unwrap();
    receiver.hold(0, true);
    assert_eq!(receiver.recv_timeout(Duration::ZERO).unwrap(), 2);
    assert_eq!(
        receiver.recv_timeout(Duration::ZERO),
        Err(RecvError::Timeout)
    );
    receiver.hold(0, false);
    assert_eq!(receiver.recv_timeout(Duration::ZERO).unwrap(), 1);
    senders[0].send(3, 1).unwrap();
    receiver.hold(0, true);
    drop(senders);
    assert_eq!(
        receiver.recv(),
        Some(3),
        "what was received before the end is taken in any case"
    );
    assert_eq!(receiver.recv(), None);
}
