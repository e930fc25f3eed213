//! After a loss: nothing is signed before relay or partner were heard, and two proofs with one nonce
//! have a way out.

use proptest::prelude::*;
use sparky_protocol::{
    Amount, Authorisation, Channel, ContractCall, Contradiction, Hash, Meeting, Side, Word,
};

use crate::fixture::{acked, assert_code, at, channel, key, send, tip, transfer, update};

const QUESTION: Hash = Hash([7; 32]);

/// The channel after so many payments of A, 1 each.
fn paid(payments: usize) -> Channel {
    (0..payments).fold(channel(), |channel, _| {
        send(&channel, Side::A, vec![transfer(1)])
    })
}

fn word_of(partner: Side, held: &Channel, question: Hash) -> Word {
    let unsigned = held.word(question);
    unsigned.signed(key(partner).sign(&unsigned.digest(held.domain())))
}

fn meeting(unsent: u64, restored_at: Option<u32>) -> Meeting {
    Meeting {
        side: Side::A,
        unsent,
        restored_at,
        question: QUESTION,
    }
}

fn heard(lost: &Channel, shown: &Channel, restored_at: Option<u32>) -> Channel {
    lost.hear_relay(shown, &meeting(0, restored_at), &tip())
        .expect("an honest relay")
}

#[test]
fn in_doubt_everything_is_accepted_and_nothing_signed() {
    let lost = paid(2).in_doubt(QUESTION);
    assert_code(lost.propose(Side::A, &[transfer(1)], &tip()), "recovering");
    let close = Authorisation::close(Side::A, tip().height + 5);
    assert_code(lost.authorise(close, &tip()), "recovering");
    assert_code(
        lost.cooperative_close(tip().height + 5, &tip())
            .and_then(|close| lost.authorise(Authorisation::CooperativeClose(close), &tip())),
        "recovering",
    );
    // An offer that relay or partner show is remembered, and not signed either.
    let offer = paid(2)
        .cooperative_close(tip().height + 5, &tip())
        .map(Authorisation::CooperativeClose)
        .expect("possible");
    assert_code(
        lost.remember(&[offer], &tip()).authorise(offer, &tip()),
        "recovering",
    );
    assert!(
        lost.authorise_recovery(Side::A, tip().height + 5, &tip())
            .is_ok(),
        "the way out that declares nothing stays open"
    );
    let theirs = update(&paid(2), Side::B, vec![transfer(3)]);
    let received = lost.accept(&theirs, &tip()).expect("money is accepted");
    assert_eq!(received.street(Side::B).nonce(), 1);
    assert_eq!(received.ack(Side::B), None, "an ack is a signature too");
}

#[test]
fn who_lost_everything_believes_a_relay_that_was_never_restored() {
    let lost = channel().in_doubt(QUESTION);
    let back = heard(&lost, &paid(5), None);
    assert_eq!(back.doubt(), None);
    assert_eq!(
        update(&back, Side::A, vec![transfer(1)]).proof.proof.nonce,
        6
    );
}

/// The relay shows 3 of 6 payments to who lost everything. It is believed, for the partner may sleep;
/// but nothing that it says is declared on the chain.
#[test]
fn who_went_on_by_the_relays_word_declares_nothing() {
    let is_recovery = |channel: &Channel| {
        let call = channel.close_call(Side::A, tip().height + 5);
        matches!(call, ContractCall::Recover { .. })
    };
    let believing = heard(&channel().in_doubt(QUESTION), &paid(3), None);
    assert!(believing.hearsay().is_some() && is_recovery(&believing));
    assert_eq!(believing.question(), Some(QUESTION), "the partner is asked");
    let text = serde_json::to_string(&believing).expect("JSON");
    let read: Channel = serde_json::from_str(&text).expect("a channel");
    assert_eq!(read, believing);

    // The partner holds more: the relay lied.
    let word = word_of(Side::B, &paid(6), QUESTION);
    let warned = believing.hear_partner(&word, Side::B).expect("genuine");
    assert_code(
        warned.propose(Side::A, &[transfer(1)], &tip()),
        "recovering",
    );
    assert!(is_recovery(&warned));
    let back = heard(&warned, &paid(6), None);
    let back = back.hear_partner(&word, Side::B).expect("genuine");
    assert_eq!((back.doubt(), back.hearsay()), (None, None));
    assert!(!is_recovery(&back));

    // The partner holds as much: what was believed is known.
    let word = word_of(Side::B, &paid(3), QUESTION);
    let sure = believing.hear_partner(&word, Side::B).expect("genuine");
    assert_eq!((sure.hearsay(), sure.question()), (None, None));
    assert!(!is_recovery(&sure));

    // Or it takes what is signed now: it would not if it held another proof with that nonce. An ack
    // of what was shown proves nothing.
    let old = acked(&paid(3), Side::A);
    let shown = believing.adopt(old.streets(), &tip()).expect("genuine");
    assert!(shown.hearsay().is_some());
    let next = acked(&send(&shown, Side::A, vec![transfer(1)]), Side::A);
    assert_eq!(next.hearsay(), None);
}

/// What was opened after a memory began can not have been forgotten by it.
#[test]
fn a_new_channel_is_not_a_forgotten_one() {
    let opened = channel().facts().opened_at;
    let first = |since| Channel::first_met(&paid(0), since, QUESTION, &tip());
    assert_eq!(first(Some(opened - 1)).doubt(), None);
    for since in [None, Some(opened), Some(opened + 9)] {
        assert!(first(since).doubt().is_some(), "{since:?}");
    }
}

/// Without a signature anybody could stop anybody.
#[test]
fn a_contradiction_that_nobody_signed_is_none() {
    let mine = paid(3);
    let mut lie = serde_json::to_value(&mine).expect("JSON");
    lie["streets"][0]["standing"][2]["signed"]["proof"]["transferred"] = "77".into();
    let lie: Channel = serde_json::from_value(lie).expect("a channel");
    assert_eq!(mine.contradiction(lie.streets(), Side::A), None);
    let heard = heard(&mine, &lie, None);
    assert_eq!(heard, mine);
    // A newer one that takes back what was sent, unsigned too.
    let mut fell = serde_json::to_value(&mine).expect("JSON");
    let last = &mut fell["streets"][0]["standing"][2]["signed"]["proof"];
    last["transferred"] = "1".into();
    last["nonce"] = 9.into();
    let fell: Channel = serde_json::from_value(fell).expect("a channel");
    assert_eq!(mine.contradiction(fell.streets(), Side::A), None);
    assert_code(
        mine.hear_relay(&fell, &meeting(0, None), &tip()),
        "transferred-fell",
    );
}

/// A second loss does not make a relay trustworthy that was not.
#[test]
fn what_made_it_doubt_survives_another_loss() {
    let opened = channel().facts().opened_at;
    let doubting = heard(&channel().in_doubt(QUESTION), &paid(3), Some(opened));
    let again = doubting.in_doubt(Hash([8; 32]));
    assert!(again.doubt().is_some_and(|doubt| doubt.partner));
    let back = heard(&again, &paid(3), None);
    assert!(back.doubt().is_some(), "the partner must be heard");
    let old = word_of(Side::B, &paid(3), QUESTION);
    let still = back.hear_partner(&old, Side::B).expect("genuine");
    assert!(still.doubt().is_some(), "an answer to an older question");
}

#[test]
fn a_restored_relay_is_not_enough_unless_the_channel_is_younger() {
    let lost = channel().in_doubt(QUESTION);
    let opened = lost.facts().opened_at;
    let back = heard(&lost, &paid(3), Some(opened));
    assert!(back.doubt().is_some_and(|doubt| doubt.partner));
    assert_eq!(back.street(Side::A).nonce(), 3, "the money is shown");
    assert_eq!(heard(&lost, &paid(3), Some(opened - 1)).doubt(), None);
}

/// An old memory knows 4, the relay withholds all after 3, the partner holds 6.
#[test]
fn when_the_relay_withholds_the_newest_the_partner_brings_it() {
    let old = paid(4).in_doubt(QUESTION);
    let relay = paid(3);
    let partner = paid(6);
    let waiting = heard(&old, &relay, None);
    assert_code(
        waiting.propose(Side::A, &[transfer(1)], &tip()),
        "recovering",
    );
    // The word says that there is more: still nothing is signed.
    let word = word_of(Side::B, &partner, QUESTION);
    let waiting = waiting.hear_partner(&word, Side::B).expect("genuine");
    assert!(waiting.doubt().is_some());
    // The partner shows it to the relay, and the relay to us.
    let relay = relay
        .adopt(partner.streets(), &tip())
        .expect("every signature is there");
    let back = heard(&waiting, &relay, None);
    assert!(
        back.doubt().is_some(),
        "what made it doubt is not forgotten"
    );
    let back = back.hear_partner(&word, Side::B).expect("genuine");
    assert_eq!(back.doubt(), None);
    assert_eq!(
        update(&back, Side::A, vec![transfer(1)]).proof.proof.nonce,
        7
    );
}

#[test]
fn own_proofs_that_never_left_are_no_reason_to_doubt_the_relay() {
    let old = paid(4).in_doubt(QUESTION);
    assert!(old.is_ahead_of(&paid(3), Side::A, 0));
    assert!(!old.is_ahead_of(&paid(3), Side::A, 1));
    let back = old
        .hear_relay(&paid(3), &meeting(1, None), &tip())
        .expect("an honest relay");
    assert_eq!(back.doubt(), None);
}

#[test]
fn only_the_partner_can_end_the_doubt_and_only_with_an_answer_to_this_question() {
    let doubting = heard(&paid(4).in_doubt(QUESTION), &paid(3), None);
    let older = word_of(Side::B, &paid(4), Hash([8; 32]));
    let after = doubting.hear_partner(&older, Side::B).expect("ignored");
    assert!(after.doubt().is_some(), "an old word was shown again");
    let forged = word_of(Side::A, &paid(4), QUESTION);
    assert_code(doubting.hear_partner(&forged, Side::B), "bad-signature");
    let mut other = word_of(Side::B, &paid(4), QUESTION);
    other.held[0].nonce -= 1;
    assert_code(doubting.hear_partner(&other, Side::B), "bad-signature");
    let real = word_of(Side::B, &paid(4), QUESTION);
    let sure = doubting.hear_partner(&real, Side::B).expect("genuine");
    assert_eq!(sure.doubt(), None);
}

/// A word about another proof with the same nonce ends no doubt.
#[test]
fn a_partner_that_holds_another_proof_is_not_agreed_with() {
    let base = paid(1);
    let doubting = send(&base, Side::A, vec![transfer(2)]).in_doubt(QUESTION);
    let theirs = send(&base, Side::A, vec![transfer(5)]);
    let after = doubting
        .hear_partner(&word_of(Side::B, &theirs, QUESTION), Side::B)
        .expect("genuine");
    assert!(after.doubt().is_some());
}

/// Two devices paid with one key: 20 reached the relay, 30 did not.
#[test]
fn the_device_that_lost_gives_way_and_remembers_what_it_signed() {
    let base = paid(1);
    let relay = send(&base, Side::A, vec![transfer(20)]);
    let mine = send(&base, Side::A, vec![transfer(30)]);
    assert_eq!(
        mine.contradiction(relay.streets(), Side::A),
        Some(Contradiction {
            sender: Side::A,
            nonce: 2
        })
    );
    assert_eq!(base.contradiction(relay.streets(), Side::A), None);
    assert_eq!(relay.contradiction(base.streets(), Side::A), None);

    // Meeting the relay it keeps what it knows, takes what comes, and signs nothing.
    let stuck = heard(&mine, &send(&relay, Side::B, vec![transfer(3)]), None);
    assert_eq!(stuck.street(Side::A), mine.street(Side::A));
    assert_eq!(stuck.street(Side::B).nonce(), 1);
    assert_code(
        stuck.propose(Side::A, &[transfer(1)], &tip()),
        "nonce-conflict",
    );
    let word = word_of(Side::B, &stuck, QUESTION);
    let still = stuck.hear_partner(&word, Side::B).expect("genuine");
    assert!(still.doubt().is_some(), "no word makes two proofs one");
    let next = stuck
        .give_way(Side::A, relay.streets(), &tip())
        .expect("verified");
    assert_eq!(
        next.street(Side::A).newest(),
        relay.street(Side::A).newest()
    );
    assert_eq!(next.street(Side::A).forgone(), Amount(31));
    assert_eq!(next.contradiction(relay.streets(), Side::A), None);
    assert_eq!(next.doubt(), None);
    // The partner could still be shown the other one: it is declared, and it is not spent twice.
    let ContractCall::Close { declared, .. } = next.close_call(Side::A, 5) else {
        panic!("a close");
    };
    assert_eq!(declared, Amount(31));
    assert_eq!(next.withdrawable(Side::A, &tip()), Amount(103 - 31));
    // Both go on, and once more was sent nothing of it is left.
    let paid = update(&next, Side::A, vec![transfer(15)]);
    let relay = relay.accept(&paid, &tip()).expect("the relay takes it");
    let next = acked(&next.accept(&paid, &tip()).expect("ours"), Side::A);
    assert_eq!(next.street(Side::A).transferred(), Amount(36));
    assert_eq!(
        next.street(Side::A).forgone(),
        Amount(31),
        "and acks keep it"
    );
    assert_eq!(next.withdrawable(Side::A, &tip()), Amount(103 - 36));
    assert_eq!(relay.street(Side::A).transferred(), Amount(36));
}

#[test]
fn giving_way_believes_nothing_unsigned() {
    let relay = send(&paid(1), Side::A, vec![transfer(20)]);
    let text = serde_json::to_string(relay.streets()).expect("JSON");
    let forged = text.replace("\"21\"", "\"19\"");
    assert_ne!(text, forged);
    let forged = serde_json::from_str(&forged).expect("streets");
    let mine = send(&paid(1), Side::A, vec![transfer(30)]);
    assert_code(mine.give_way(Side::A, &forged, &tip()), "bad-signature");
}

#[test]
fn a_doubt_survives_being_stored_and_blocks() {
    let lost = paid(2).in_doubt(QUESTION);
    let text = serde_json::to_string(&lost).expect("JSON");
    let read: Channel = serde_json::from_str(&text).expect("a channel");
    assert_eq!(read, lost);
    let later = read.with_facts(lost.facts().clone());
    assert_code(
        later.propose(Side::A, &[transfer(1)], &at(tip().height + 9)),
        "recovering",
    );
    // Without one the stored form is what it always was.
    let plain = serde_json::to_string(&paid(2)).expect("JSON");
    assert!(!plain.contains("doubt") && !plain.contains("forgone"));
}

proptest! {
    /// Whatever old memory is restored and whatever a relay withholds from it: either nothing is
    /// signed before the partner was heard, or nothing is declared that the relay could have made
    /// false. Once the partner was heard, the next nonce is a new one.
    #[test]
    fn a_restored_memory_is_never_fined(all in 1_usize..8, memory in 0_usize..8, shown in 0_usize..8) {
        let (memory, shown) = (memory.min(all), shown.min(all));
        let partner = paid(all);
        let back = heard(&paid(memory).in_doubt(QUESTION), &paid(shown), None);
        let is_behind = shown < memory;
        prop_assert_eq!(back.doubt().is_some(), is_behind);
        prop_assert_eq!(back.hearsay().is_some(), !is_behind);
        let signs = back.propose(Side::A, &[transfer(1)], &tip()).is_ok();
        prop_assert_eq!(signs, !is_behind);
        let declared = match back.close_call(Side::A, tip().height + 5) {
            ContractCall::Close { declared, .. } => Some(declared),
            _ => None,
        };
        // Who is in doubt can not authorise a close at all.
        prop_assert!(is_behind || declared.is_none());

        let word = word_of(Side::B, &partner, QUESTION);
        let early = back.hear_partner(&word, Side::B).expect("genuine");
        prop_assert_eq!(early.doubt().is_some(), memory.max(shown) < all);
        let relay = paid(shown).adopt(partner.streets(), &tip()).expect("adopts");
        let back = heard(&early, &relay, None);
        let back = back.hear_partner(&word, Side::B).expect("genuine");
        prop_assert_eq!((back.doubt(), back.hearsay()), (None, None));
        let next = back.propose(Side::A, &[transfer(1)], &tip()).expect("certain");
        prop_assert_eq!(next.nonce, all as u64 + 1);
        let ContractCall::Close { declared, .. } = back.close_call(Side::A, tip().height + 5) else {
            panic!("a close");
        };
        prop_assert_eq!(declared, Amount(all as u128));
    }
}
