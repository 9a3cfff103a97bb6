//! One thread, one rule each; and all of it by chance, and by two threads.

use super::*;

fn drained(consumer: &mut Consumer) -> Vec<u64> {
    let mut out = Vec::new();
    consumer.drain_into(&mut out);
    out
}

#[test]
fn words_come_out_in_order_across_the_wrap() {
    let (mut producer, mut consumer) = lane(7);
    let mut next = 0;
    for round in 0..50 {
        let words: Vec<u64> = (next..next + 1 + round % 7).collect();
        next += words.len() as u64;
        producer.push(&words, Claim::Nothing).unwrap();
        assert_eq!(drained(&mut consumer), words);
    }
}

#[test]
fn a_reserved_stop_finds_room_in_a_full_lane() {
    let (mut producer, mut consumer) = lane(8);
    producer.push(&[1, 2], Claim::Reserve(3)).unwrap();
    assert_eq!(producer.push(&[3, 4, 5, 6], Claim::Nothing), Err(PushError::Full));
    producer.push(&[3, 4, 5], Claim::Nothing).unwrap();
    assert_eq!(producer.push(&[6], Claim::Nothing), Err(PushError::Full));
    producer.push(&[7, 8, 9], Claim::Use(3)).unwrap();
    assert_eq!(drained(&mut consumer), [1, 2, 3, 4, 5, 7, 8, 9]);
    producer.push(&[0; 8], Claim::Nothing).unwrap();
}

#[test]
fn a_reservation_that_is_given_back_is_room_again() {
    let (mut producer, mut consumer) = lane(8);
    producer.push(&[1], Claim::Reserve(5)).unwrap();
    drained(&mut consumer);
    assert_eq!(producer.push(&[0; 4], Claim::Nothing), Err(PushError::Full));
    consumer.give_back(5);
    producer.push(&[0; 8], Claim::Nothing).unwrap();
}

#[test]
fn a_reservation_that_does_not_exist_makes_no_room() {
    let (mut producer, mut consumer) = lane(4);
    producer.push(&[1, 2, 3, 4], Claim::Nothing).unwrap();
    assert_eq!(producer.push(&[5, 6], Claim::Use(2)), Err(PushError::Full));
    assert_eq!(drained(&mut consumer), [1, 2, 3, 4]);
    producer.push(&[5, 6], Claim::Use(2)).unwrap();
    assert_eq!(drained(&mut consumer), [5, 6]);
    // Nor where the ring goes on behind what the consumer has.
    let (mut producer, mut consumer) = lane(8);
    producer.push(&[1, 2, 3, 4], Claim::Nothing).unwrap();
    assert_eq!(drained(&mut consumer), [1, 2, 3, 4]);
    producer.push(&[5, 6, 7, 8], Claim::Nothing).unwrap();
    producer.push(&[9, 10], Claim::Nothing).unwrap();
    assert_eq!(producer.push(&[11, 12, 13], Claim::Use(3)), Err(PushError::Full));
    assert_eq!(drained(&mut consumer), [5, 6, 7, 8, 9, 10]);
}

#[test]
fn a_consumer_is_to_be_woken_beyond_a_quarter() {
    let (mut producer, mut consumer) = lane(16);
    for _ in 0..20 {
        assert_eq!(producer.push(&[1; 4], Claim::Nothing), Ok(false));
        assert_eq!(drained(&mut consumer).len(), 4);
    }
    for words in 1..=12 {
        let is_filling = producer.push(&[1], Claim::Nothing).unwrap();
        // The fifth may still be of those that an earlier look has allowed.
        assert!(is_filling == (words > 4) || words == 5);
    }
    assert_eq!(drained(&mut consumer).len(), 12);
}

/// Random records against a model that knows where each word is and what is kept for whom.
#[test]
fn what_is_pushed_without_a_look_never_takes_what_is_kept_or_taken() {
    const KEPT: usize = 3;
    let mut random = 1_u64;
    let mut below = |end: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 11) % end
    };
    for capacity in [5, 8, 61, 64, 256, 1000] {
        let (mut producer, mut consumer) = lane(capacity);
        let (mut next, mut out) = (0, Vec::new());
        let (mut open, mut gone_elsewhere) = (0, 0);
        for step in 0..if cfg!(miri) { 400 } else { 4_000 } {
            let used = next as usize - out.len();
            // At times more is opened than ends, and some of that takes less than is kept for it.
            let is_opening = step / 100 % 2 == 0;
            let kind = match below(8) {
                1..=4 if is_opening && below(8) > 0 => 6,
                kind => kind,
            };
            match kind {
                0 => consumer.drain_into(&mut out),
                1 if gone_elsewhere > 0 => {
                    gone_elsewhere -= 1;
                    consumer.give_back(KEPT);
                }
                2 if open > 0 => {
                    open -= 1;
                    gone_elsewhere += 1;
                }
                3 | 4 if open > 0 => {
                    let words = [next, next + 1, next + 2];
                    let words = &words[..1 + below(KEPT as u64) as usize];
                    producer.push(words, Claim::Use(KEPT)).unwrap();
                    next += words.len() as u64;
                    open -= 1;
                }
                kind => {
                    let claim = if kind > 5 { Claim::Reserve(KEPT) } else { Claim::Nothing };
                    let kept = if kind > 5 { KEPT } else { 0 };
                    let count = 1 + if step / 100 % 4 == 0 { 0 } else { below(6) };
                    let words: Vec<u64> = (next..next + count).collect();
                    let room = KEPT * (open + gone_elsewhere) + kept + words.len();
                    let is_in_place = below(2) == 0 && {
                        let space = producer.space(claim);
                        let is_enough = space.len() >= words.len();
                        if is_enough {
                            space[..words.len()].copy_from_slice(&words);
                        }
                        is_enough
                    };
                    let pushed = match is_in_place {
                        true => producer.commit(words.len(), claim),
                        false => producer.push(&words, claim).map(|_| ()),
                    };
                    assert_eq!(pushed.is_ok(), used + room <= capacity);
                    if pushed.is_ok() {
                        next += count;
                        open += (kept > 0) as usize;
                    }
                }
            }
        }
        consumer.drain_into(&mut out);
        assert_eq!(out, (0..next).collect::<Vec<u64>>());
    }
}

#[test]
fn a_sealed_lane_refuses() {
    let (mut producer, mut consumer) = lane(8);
    producer.push(&[1], Claim::Nothing).unwrap();
    let mut out = Vec::new();
    consumer.seal_and_drain_into(&mut out);
    assert_eq!(producer.push(&[2], Claim::Nothing), Err(PushError::Sealed));
    assert!(producer.is_sealed());
    assert_eq!((out, drained(&mut consumer)), (vec![1], vec![]));
}

#[test]
fn a_million_words_arrive_once_and_in_order() {
    let (mut producer, mut consumer) = lane(61);
    let writer = std::thread::Builder::new()
        .spawn(move || {
            let mut next = 0;
            while next < 1_000_000_u64 {
                let words: Vec<u64> = (next..next + 1 + next % 5).collect();
                let space = producer.space(Claim::Nothing);
                let is_pushed = if space.len() >= words.len() && next % 2 == 0 {
                    space[..words.len()].copy_from_slice(&words);
                    producer.commit(words.len(), Claim::Nothing).is_ok()
                } else if let &[word] = &words[..] {
                    producer.push_few([word], Claim::Nothing)
                        || producer.push(&words, Claim::Nothing).is_ok()
                } else {
                    producer.push(&words, Claim::Nothing).is_ok()
                };
                if is_pushed {
                    next += words.len() as u64;
                } else {
                    std::thread::yield_now();
                }
            }
            next
        })
        .unwrap();
    let (mut seen, mut out) = (0, Vec::new());
    loop {
        let ended = consumer.has_ended();
        out.clear();
        consumer.drain_into(&mut out);
        for &word in &out {
            assert_eq!(word, seen);
            seen += 1;
        }
        if ended && out.is_empty() {
            break;
        }
    }
    assert_eq!(seen, writer.join().unwrap());
}
