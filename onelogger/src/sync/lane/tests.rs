//! One thread, one rule each, and two threads.

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
                if producer.push(&words, Claim::Nothing).is_ok() {
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
