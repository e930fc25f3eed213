//! What somebody who lost its data takes over when it is shown it.

use sparky_protocol::{Amount, ChainEvent, Side};

use crate::fixture::*;

#[test]
fn who_lost_its_data_is_shown_its_own_words_and_goes_on() {
    let lost = channel();
    let known = send(&channel(), Side::A, vec![transfer(10)]);
    let known = acked(&send(&known, Side::A, vec![transfer(10)]), Side::A);
    let known = send(&known, Side::B, vec![transfer(5)]);
    let restored = lost
        .adopt(known.streets(), &tip())
        .expect("all of it is signed");
    assert_eq!(restored.streets(), known.streets());
    assert_eq!(
        restored
            .propose(Side::A, &[transfer(1)], &tip())
            .map(|proof| proof.nonce),
        Ok(3)
    );
    assert_eq!(known.adopt(lost.streets(), &tip()), Ok(known.clone()));
}

#[test]
fn a_partner_s_uncovered_promise_does_not_hide_one_s_own_words() {
    let known = send(&channel(), Side::A, vec![transfer(10)]);
    let known = send(&known, Side::B, vec![transfer(50)]);
    // B's deposit is gone, or was never there: what B promised can not be paid.
    let facts = sparky_protocol::Facts::opened(params(), Amount(20), OPENED);
    let lost = channel().with_facts(facts);
    assert_code(
        lost.adopt(known.streets(), &tip()),
        "insufficient-channel-balance",
    );
    let learned = lost
        .adopt_own(Side::A, known.streets())
        .expect("A signed it");
    assert_eq!(learned.street(Side::A), known.street(Side::A));
    assert_eq!(learned.street(Side::B).nonce(), 0);
    let next = learned.propose(Side::A, &[transfer(1)], &tip());
    assert_eq!(next.map(|proof| proof.nonce), Ok(2));
    assert_eq!(
        learned.adopt_own(Side::A, lost.streets()),
        Ok(learned.clone())
    );
}

#[test]
fn what_is_shown_must_be_signed_and_covered() {
    let lost = channel();
    let shown = send(
        &channel(),
        Side::A,
        vec![add(lock(&channel(), Side::A, 10, 1))],
    );
    let damaged = |from: &str, to: &str| -> [sparky_protocol::Street; 2] {
        let json = serde_json::to_string(shown.streets()).expect("JSON");
        assert!(json.contains(from), "{json}");
        serde_json::from_str(&json.replace(from, to)).expect("still JSON")
    };
    assert_code(
        lost.adopt(
            &damaged("\"transferred\":\"0\"", "\"transferred\":\"1\""),
            &tip(),
        ),
        "bad-signature",
    );
    assert_code(
        lost.adopt(&damaged("\"amount\":\"10\"", "\"amount\":\"11\""), &tip()),
        "wrong-locks",
    );

    let mut poor = sparky_protocol::Facts::opened(params(), Amount(5), OPENED);
    poor.apply(
        OPENED,
        &ChainEvent::FloorRaised {
            channel_id: params().id(),
            sender: Side::A,
            floor: Amount(0),
        },
    );
    let poor = lost.with_facts(poor);
    assert_code(
        poor.adopt(shown.streets(), &tip()),
        "insufficient-channel-balance",
    );
}
