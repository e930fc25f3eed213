//! docs/spec/04-watching.md as stories: what is posted, by whom, until when, and what comes of it.

use sparky_protocol::{
    Account, Amount, ChainEvent, Channel, ContractCall, Operation, Phase, RemoveReason, Side,
    settlement,
    watch::{Caller, Reason, watch},
};

use crate::{
    contract::{Chain, Contract},
    fixture::{acked, add, key, lock, send, tip, transfer},
    participant::Participant,
};

const TOWER: Account = Account([7; 20]);

/// The story's channel on a chain of its own: `deposit` by Alice, nothing by Bob.
fn opened(deposit: u128) -> (Contract, Channel) {
    let domain = *crate::fixture::channel().domain();
    let mut chain = Contract::new(domain);
    chain.next = tip().height;
    let open = ContractCall::Open {
        account_b: key(Side::B).account(),
        token: Account::ZERO,
        amount: Amount(deposit),
        window: 50,
        penalty_bps: 10_000,
    };
    chain.call(key(Side::A).account(), &open).expect("it opens");
    chain.mine(1);
    let facts = chain.channels.values().next().expect("the channel").clone();
    (chain, Channel::new(domain, facts))
}

fn look(chain: &Contract, channel: &Channel) -> Channel {
    channel.with_facts(chain.channels[&channel.id()].clone())
}

/// Asks and sends until there is nothing to do; says what was sent.
fn guard(chain: &mut Contract, channel: &Channel, side: Side, caller: Caller) -> Vec<Reason> {
    let mut reasons = Vec::new();
    loop {
        let seen = look(chain, channel);
        let Some(action) = watch(&seen, side, caller, chain.next - 1) else {
            return reasons;
        };
        let account = if caller == Caller::Tower {
            TOWER
        } else {
            key(side).account()
        };
        chain
            .call(account, &action.call)
            .expect("what watch says works");
        reasons.push(action.reason);
    }
}

fn payouts(chain: &Contract, channel: &Channel) -> (u128, u128, u128) {
    let settled = chain.channels[&channel.id()]
        .settled
        .expect("it is settled");
    (settled.pay_a.0, settled.pay_b.0, settled.penalty.0)
}

/// Alice deposits 400, pays 200, gets 100, pays 300, and closes with the state after the first.
#[test]
fn the_story_of_400_ends_with_everything_for_bob() {
    for caller in [Caller::Tower, Caller::Participant] {
        let (mut chain, channel) = opened(400);
        let first = send(&channel, Side::A, vec![transfer(200)]);
        let old = first.close_call(Side::A, chain.next + 5);
        let channel = send(&first, Side::B, vec![transfer(100)]);
        let channel = send(&channel, Side::A, vec![transfer(300)]);
        assert_eq!(channel.balances(Side::B, &tip()).balance, Amount(400));

        chain.call(key(Side::A).account(), &old).expect("it closes");
        assert_eq!(
            guard(&mut chain, &channel, Side::B, caller),
            [Reason::StaleProof]
        );
        assert_eq!(guard(&mut chain, &channel, Side::B, caller), []);
        chain.mine(100);
        let settled = guard(&mut chain, &channel, Side::B, Caller::Participant);
        assert_eq!(settled, [Reason::Settleable]);
        // Bob's 100 back were never shown, so Alice owes 500 of her 400: nothing is left to fine.
        assert_eq!(payouts(&chain, &channel), (0, 400, 0));
    }
}

/// Alice still has 50 of 100, hides her last payment of 30, and pays for the lie.
#[test]
fn the_lie_is_paid_twice() {
    let (mut chain, channel) = opened(100);
    let first = send(&channel, Side::A, vec![transfer(20)]);
    let old = first.close_call(Side::A, chain.next);
    let channel = send(&first, Side::A, vec![transfer(30)]);
    chain.call(key(Side::A).account(), &old).expect("it closes");
    guard(&mut chain, &channel, Side::B, Caller::Tower);
    chain.mine(51);
    guard(&mut chain, &channel, Side::A, Caller::Participant);
    assert_eq!(payouts(&chain, &channel), (20, 80, 30));
}

#[test]
fn an_honest_close_needs_no_answer() {
    let (mut chain, channel) = opened(100);
    let channel = send(&channel, Side::A, vec![transfer(20)]);
    let close = channel.close_call(Side::A, chain.next);
    chain
        .call(key(Side::A).account(), &close)
        .expect("it closes");
    for caller in [Caller::Tower, Caller::Participant] {
        for side in Side::BOTH {
            assert_eq!(guard(&mut chain, &channel, side, caller), []);
        }
    }
    chain.mine(51);
    assert_eq!(
        guard(&mut chain, &channel, Side::B, Caller::Participant),
        [Reason::Settleable]
    );
    assert_eq!(payouts(&chain, &channel), (80, 20, 0));
}

#[test]
fn a_tower_raises_the_floor_without_and_claims_locks_with_an_ack() {
    let (mut chain, channel) = opened(100);
    let locked = send(
        &channel,
        Side::A,
        vec![transfer(5), add(lock(&channel, Side::A, 40, 1))],
    );
    let agreed = acked(&locked, Side::A);
    let channel = send(&agreed, Side::A, vec![transfer(10)]);
    let (params, valid_until) = (*channel.params(), chain.next);
    let lie = ContractCall::Close {
        params,
        declared: Amount(0),
        incoming: None,
        valid_until,
    };
    chain.call(key(Side::A).account(), &lie).expect("it closes");

    let seen = look(&chain, &channel);
    let action = watch(&seen, Side::B, Caller::Tower, chain.next - 1).expect("much to do");
    assert!(matches!(action.call, ContractCall::RaiseFloor { .. }));
    let deadline = chain.next + 50;
    assert_eq!(action.deadline, Some(deadline));
    guard(&mut chain, &channel, Side::B, Caller::Tower);
    let posted = look(&chain, &channel).facts().posted[Side::A];
    assert_eq!((posted.nonce, posted.floor), (1, Amount(15)));
    assert_eq!(
        posted.locks_root,
        locked
            .street(Side::A)
            .newest()
            .expect("it")
            .signed
            .proof
            .locks_root
    );

    // After the deadline nothing can be posted, and nothing is tried.
    chain.next = deadline + 1;
    let seen = look(&chain, &channel);
    assert_eq!(watch(&seen, Side::B, Caller::Tower, deadline), None);
}

/// Alice's declaration is as high as it should be, but she posts an older proof with the same lock:
/// floor and lock do not add up.
#[test]
fn an_older_proof_with_the_same_locks_is_answered() {
    for caller in [Caller::Participant, Caller::Tower] {
        let (mut chain, channel) = opened(100);
        let locked = send(&channel, Side::A, vec![add(lock(&channel, Side::A, 40, 1))]);
        let old = acked(&locked, Side::A);
        let ack = old.street(Side::A).acked().map(|(_, ack)| ack.signature);
        let stale = locked.street(Side::A).newest().expect("it").signed;
        let channel = acked(&send(&old, Side::A, vec![transfer(30)]), Side::A);

        let close = channel.close_call(Side::A, chain.next);
        let alice = key(Side::A).account();
        chain.call(alice, &close).expect("it closes");
        let params = *channel.params();
        let shield = ContractCall::CounterClaim {
            params,
            proof: stale,
            ack,
        };
        chain.call(alice, &shield).expect("it is agreed");
        let answered = guard(&mut chain, &channel, Side::B, caller);
        assert_eq!(answered, [Reason::StaleProof]);
        let posted = look(&chain, &channel).facts().posted[Side::A];
        assert_eq!((posted.nonce, posted.transferred), (2, Amount(30)));
    }
}

/// Bob posts, in the last block, a proof with a lock whose removal he has acked.
#[test]
fn a_revoked_lock_is_refuted_even_after_the_deadline() {
    let (mut chain, channel) = opened(100);
    let lock = lock(&channel, Side::A, 40, 1);
    let locked = send(&channel, Side::A, vec![add(lock)]);
    let stale = locked.street(Side::A).newest().expect("it").signed;
    let remove = Operation::LockRemove {
        id: lock.id,
        reason: RemoveReason::Failed,
    };
    let channel = acked(&send(&locked, Side::A, vec![remove]), Side::A);

    let bob = key(Side::B).account();
    let register = ContractCall::RegisterPreimages {
        preimages: vec![crate::fixture::preimage(1)],
    };
    chain.call(bob, &register).expect("anybody may");
    let close = channel.close_call(Side::A, chain.next);
    chain
        .call(key(Side::A).account(), &close)
        .expect("it closes");
    let deadline = chain.next + 50;
    chain.next = deadline;
    let params = *channel.params();
    let attack = ContractCall::CounterClaim {
        params,
        proof: stale,
        ack: None,
    };
    chain
        .call(bob, &attack)
        .expect("it is agreed, and newer than nothing");
    chain.mine(1);

    let seen = look(&chain, &channel);
    let phase = Phase::Finalizing {
        by: Side::A,
        deadline,
        finalizes_at: deadline + 26,
    };
    assert_eq!(seen.phase(chain.next), phase);
    let action = watch(&seen, Side::A, Caller::Tower, chain.next - 1).expect("an answer");
    assert_eq!(
        (action.reason, action.deadline),
        (Reason::RevokedProof, Some(deadline + 25))
    );
    assert_eq!(
        guard(&mut chain, &channel, Side::A, Caller::Tower),
        [Reason::RevokedProof]
    );
    chain.next = deadline + 26;
    guard(&mut chain, &channel, Side::A, Caller::Participant);
    assert_eq!(payouts(&chain, &channel), (100, 0, 0));
}

#[test]
fn a_reorganisation_asks_again() {
    let (mut chain, channel) = opened(100);
    let channel = send(&channel, Side::A, vec![transfer(20)]);
    let recover = channel.recover_call(chain.next);
    chain
        .call(key(Side::A).account(), &recover)
        .expect("it closes");
    let before = look(&chain, &channel);
    let height = chain.next - 1;
    let action = watch(&before, Side::B, Caller::Tower, height).expect("a floor to raise");
    chain.call(TOWER, &action.call).expect("it works");
    assert_eq!(
        watch(&look(&chain, &channel), Side::B, Caller::Tower, height),
        None
    );
    assert_eq!(watch(&before, Side::B, Caller::Tower, height), Some(action));
}

#[test]
fn recovering_takes_three_windows_and_costs_nothing() {
    let (mut chain, channel) = opened(100);
    let channel = send(&channel, Side::A, vec![transfer(20)]);
    chain
        .call(key(Side::A).account(), &channel.recover_call(chain.next))
        .expect("it closes");
    let closed_at = chain.next;
    guard(&mut chain, &channel, Side::B, Caller::Tower);
    chain.next = closed_at + 150;
    assert_eq!(
        guard(&mut chain, &channel, Side::B, Caller::Participant),
        []
    );
    chain.mine(1);
    guard(&mut chain, &channel, Side::B, Caller::Participant);
    assert_eq!(payouts(&chain, &channel), (80, 20, 0));
}

#[test]
fn a_lost_list_waits_one_window_more() {
    let (mut chain, channel) = opened(100);
    let locked = send(&channel, Side::A, vec![add(lock(&channel, Side::A, 40, 1))]);
    let stale = locked.street(Side::A).newest().expect("it").signed;
    let close = channel.close_call(Side::A, chain.next);
    chain
        .call(key(Side::A).account(), &close)
        .expect("it closes");
    let params = *channel.params();
    let claim = ContractCall::CounterClaim {
        params,
        proof: stale,
        ack: None,
    };
    chain
        .call(key(Side::B).account(), &claim)
        .expect("it is agreed");
    let finalizes_at = look(&chain, &channel)
        .facts()
        .finalizes_at()
        .expect("closed");
    // Alice has lost her memory of the lock: the empty channel does not know the list.
    let (seen, participant) = (look(&chain, &channel), Caller::Participant);
    assert_eq!(watch(&seen, Side::A, participant, finalizes_at + 48), None);
    let late = watch(&seen, Side::A, participant, finalizes_at + 49).expect("it is over");
    chain.next = finalizes_at + 50;
    chain
        .call(TOWER, &late.call)
        .expect("an empty list will do");
    // Whoever knows it need not wait.
    let seen = look(&chain, &locked);
    assert_eq!(
        watch(&seen, Side::A, participant, finalizes_at),
        None,
        "it is settled"
    );
}

/// Alice would wait a window and settle with an empty list.
#[test]
fn a_tower_settles_where_its_client_has_locks_to_lose() {
    let (mut chain, channel) = opened(100);
    let locked = send(&channel, Side::A, vec![add(lock(&channel, Side::A, 40, 1))]);
    let channel = acked(&locked, Side::A);
    let register = ContractCall::RegisterPreimages {
        preimages: vec![crate::fixture::preimage(1)],
    };
    chain.call(TOWER, &register).expect("anybody may");
    let close = channel.close_call(Side::A, chain.next);
    let alice = key(Side::A).account();
    chain.call(alice, &close).expect("it closes");
    guard(&mut chain, &channel, Side::B, Caller::Tower);
    let facts = look(&chain, &channel).facts().clone();
    let finalizes_at = facts.finalizes_at().expect("closed");
    chain.next = finalizes_at;
    let seen = look(&chain, &channel);
    assert_eq!(
        watch(&seen, Side::A, Caller::Tower, finalizes_at - 1),
        None,
        "Alice has nothing to lose"
    );
    let action = watch(&seen, Side::B, Caller::Tower, finalizes_at - 1).expect("a settlement");
    assert_eq!(action.deadline, Some(finalizes_at + 49));
    guard(&mut chain, &channel, Side::B, Caller::Tower);
    assert_eq!(payouts(&chain, &channel), (60, 40, 0));
}

#[test]
fn what_is_settled_needs_nothing() {
    let (chain, channel) = opened(100);
    let channel_id = channel.id();
    let (pay_a, pay_b) = (Amount(100), Amount(0));
    let closed = channel.with_event(
        chain.next,
        &ChainEvent::CooperativelyClosed {
            channel_id,
            pay_a,
            pay_b,
        },
    );
    assert_eq!(closed.phase(chain.next), Phase::Settled);
    assert_eq!(
        watch(&closed, Side::A, Caller::Participant, chain.next + 500),
        None
    );
    assert_eq!(
        settlement::outcome(closed.facts(), [&[], &[]], |_| None),
        None
    );
}

#[test]
fn a_participant_s_calls_are_its_own() {
    let person = Participant::new(Side::A, key(Side::A), crate::fixture::channel());
    let ContractCall::Close {
        declared, incoming, ..
    } = person.channel.close_call(person.side, 9)
    else {
        panic!("a close")
    };
    assert_eq!((declared, incoming), (Amount(0), None));
}
