// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDuplexChannel} from "../src/IDuplexChannel.sol";
import {ChannelTest} from "./support/ChannelTest.sol";
import {vm} from "./support/Vm.sol";

/// @dev `counterClaim` and `raiseFloor`: who may post what, until when.
contract CounterClaimTest is ChannelTest {
    IDuplexChannel.Params private params;
    bytes private locks;

    function setUp() public override {
        super.setUp();
        // Without a penalty, so that these tests are about what is owed.
        params = openWith(100, 50, 0);
        locks = pack(Lock(1, 20, 1050, "preimage"));
        registerPreimage("preimage");
    }

    function expectPosted(bool fromB, uint48 nonce, uint96 transferred, uint96 floor) private view {
        Posted memory posted = postedOf(params, fromB);
        assertEq(posted.nonce, nonce, "nonce");
        assertEq(posted.transferred, transferred, "transferred");
        assertEq(posted.floor, floor, "floor");
    }

    /// @dev Posts as `caller` with the signatures that are given.
    function post(
        address caller,
        IDuplexChannel.BalanceProof memory proof,
        IDuplexChannel.Sig memory sig,
        IDuplexChannel.Sig memory ack
    ) private {
        vm.prank(caller);
        channels.counterClaim(params, proof, sig, ack);
    }

    /// @dev Whether a call succeeds.
    function tried(address caller, bytes memory call) private returns (bool ok) {
        vm.prank(caller);
        (ok,) = address(channels).call(call);
    }

    // ------------------------------------------------------------------------------------------ counter-claims

    /// @dev [44] A newer nonce replaces; the same and an older one do not.
    function test_newerReplaces() external {
        closeBy(alice, params, 0, none());
        vm.expectEmit(address(channels));
        emit IDuplexChannel.CounterClaimed(idOf(params), false, 5, 30, keccak256(locks), 1151);
        counterClaimBy(bob, params, proofOf(5, 30, locks));
        expectPosted(false, 5, 30, 0);
        for (uint48 nonce = 4; nonce <= 5; ++nonce) {
            IDuplexChannel.BalanceProof memory stale = proofOf(nonce, 99);
            IDuplexChannel.Sig memory sig = signed(alice, params, stale);
            expectError(IDuplexChannel.Stale.selector, 5, nonce);
            post(bob.account, stale, sig, absent());
        }
        counterClaimBy(bob, params, proofOf(6, 31));
        expectPosted(false, 6, 31, 0);
    }

    function test_nonceZeroIsNone() external {
        closeBy(alice, params, 0, none());
        IDuplexChannel.BalanceProof memory proof = proofOf(0, 30);
        IDuplexChannel.Sig memory sig = signed(alice, params, proof);
        expectError(IDuplexChannel.Stale.selector, 0, 0);
        post(bob.account, proof, sig, absent());
    }

    /// @dev [45] The payer signs (highest nonce, nothing) and posts it: without the recipient's agreement it is nothing.
    function test_payerCanNotSupersedeItsOwnDebt() external {
        closeBy(alice, params, 0, none());
        IDuplexChannel.BalanceProof memory wipe = proofOf(type(uint48).max, 0);
        IDuplexChannel.Sig memory sig = signed(alice, params, wipe);
        expectError(IDuplexChannel.AckMissing.selector, bob.account);
        post(alice.account, wipe, sig, absent());
        expectError(IDuplexChannel.AckMissing.selector, bob.account);
        post(STRANGER, wipe, sig, absent());
        // Nor does the recipient's account as the origin of the transaction agree to it.
        vm.prank(STRANGER, bob.account);
        expectError(IDuplexChannel.AckMissing.selector, bob.account);
        channels.counterClaim(params, wipe, sig, absent());
    }

    /// @dev [46] Nor does the payer's own signature in place of the ack.
    function test_payersOwnAckIsNone() external {
        closeBy(alice, params, 0, none());
        IDuplexChannel.BalanceProof memory wipe = proofOf(type(uint48).max, 0);
        IDuplexChannel.Sig memory sig = signed(alice, params, wipe);
        IDuplexChannel.Sig[3] memory refused = [acked(alice, params, wipe), sig, signed(bob, params, wipe)];
        for (uint256 i = 0; i < refused.length; ++i) {
            expectError(IDuplexChannel.SignatureInvalid.selector, bob.account);
            post(alice.account, wipe, sig, refused[i]);
        }
    }

    /// @dev [47] A tower with the recipient's ack needs nobody else.
    function test_towerWithAck() external {
        closeBy(alice, params, 0, none());
        counterClaimWithAck(alice, params, proofOf(5, 30, locks));
        expectPosted(false, 5, 30, 0);
        rollPastFinal(params);
        settleExpecting(params, locks, "", 50, 100);
    }

    /// @dev [48] An ack is for one proof, not for a nonce: another one with the same nonce is not agreed.
    function test_ackForAnotherProof() external {
        closeBy(alice, params, 0, none());
        IDuplexChannel.BalanceProof memory agreed = proofOf(5, 30);
        IDuplexChannel.BalanceProof memory twin = proofOf(5, 0);
        IDuplexChannel.Sig memory sig = signed(alice, params, twin);
        IDuplexChannel.Sig memory ack = acked(bob, params, agreed);
        expectError(IDuplexChannel.SignatureInvalid.selector, bob.account);
        post(STRANGER, twin, sig, ack);
        // Nor may the recipient itself bring a wrong one along.
        expectError(IDuplexChannel.SignatureInvalid.selector, bob.account);
        post(bob.account, twin, sig, ack);
    }

    /// @dev [56] A proof stands for the direction of its signer, and of nobody else.
    function test_directionIsTheSigners() external {
        closeBy(alice, params, 0, none());
        counterClaimBy(alice, params, proofOf(5, 7));
        expectPosted(true, 5, 7, 0);
        expectPosted(false, 0, 0, 0);
        // Alice is not the recipient of her own direction, and Bob's call does not agree to Bob's own proof.
        IDuplexChannel.BalanceProof memory proof = proofOf(6, 7);
        IDuplexChannel.Sig memory sig = signed(bob, params, proof);
        expectError(IDuplexChannel.AckMissing.selector, alice.account);
        post(bob.account, proof, sig, absent());
        // A stranger's key signs for nobody.
        sig = signed(participant(0xBAD), params, proof);
        expectError(IDuplexChannel.SignatureInvalid.selector, address(0));
        post(bob.account, proof, sig, absent());
        expectError(IDuplexChannel.SignatureInvalid.selector, address(0));
        channels.raiseFloor(params, proof, sig);
    }

    /// @dev [57] Nothing signed for another channel, deployment or chain works here.
    function test_proofFromElsewhere() external {
        IDuplexChannel.BalanceProof memory proof = proofOf(5, 30);
        IDuplexChannel.Sig memory otherChannel = signed(alice, openWith(100, 50), proof);
        vm.chainId(block.chainid + 1);
        IDuplexChannel.Sig memory otherChain = signed(alice, params, proof);
        vm.chainId(block.chainid - 1);
        IDuplexChannel here = channels;
        channels = deploy(10, 100_000);
        openWith(100, 50);
        IDuplexChannel.Sig memory otherContract = signed(alice, params, proof);
        channels = here;
        closeBy(alice, params, 0, none());
        IDuplexChannel.Sig[3] memory refused = [otherChannel, otherChain, otherContract];
        for (uint256 i = 0; i < 3; ++i) {
            expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
            post(bob.account, proof, refused[i], absent());
            expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
            channels.raiseFloor(params, proof, refused[i]);
        }
    }

    /// @dev The domain follows the chain's id: after a split a signature is good on one of the two.
    function test_domainFollowsTheChain() external {
        assertEq(channels.domainSeparator(), separator(address(channels)), "at home");
        vm.chainId(8889);
        assertEq(channels.domainSeparator(), separator(address(channels)), "after a split");
        // And it still works there.
        closeBy(alice, params, 0, none());
        counterClaimBy(bob, params, proofOf(5, 30));
    }

    // -------------------------------------------------------------------------------------------------- floors

    /// @dev [49] Anyone raises a floor; lower and equal ones are refused; nonce and locks stay as they are.
    function test_floorRises() external {
        closeBy(alice, params, 0, none());
        counterClaimBy(bob, params, proofOf(5, 30, locks));
        vm.expectEmit(address(channels));
        emit IDuplexChannel.FloorRaised(idOf(params), false, 40);
        raiseFloorOf(alice, params, proofOf(1, 40));
        expectPosted(false, 5, 30, 40);
        assertEq(postedOf(params, false).locksRoot, keccak256(locks), "the locks stay");
        for (uint96 lower = 39; lower <= 40; ++lower) {
            IDuplexChannel.BalanceProof memory proof = proofOf(900, lower, "other locks");
            IDuplexChannel.Sig memory sig = signed(alice, params, proof);
            expectError(IDuplexChannel.FloorNotRaised.selector, 40, lower);
            channels.raiseFloor(params, proof, sig);
        }
    }

    /// @dev [50] The greater of floor and proof counts, locks included.
    function test_floorAndProofAreMaximum() external {
        closeBy(alice, params, 0, none());
        raiseFloorOf(alice, params, proofOf(6, 45));
        counterClaimBy(bob, params, proofOf(5, 30, locks));
        rollPastFinal(params);
        settleExpecting(params, locks, "", 50, 100);
    }

    function test_floorAboveProofAndLocks() external {
        closeBy(alice, params, 0, none());
        raiseFloorOf(alice, params, proofOf(6, 55));
        counterClaimBy(bob, params, proofOf(5, 30, locks));
        rollPastFinal(params);
        settleExpecting(params, locks, "", 45, 105);
    }

    /// @dev [51] A payer shields itself with an old agreed proof full of locks; the floor does not look at it.
    function test_oldLocksDoNotShieldFromTheFloor() external {
        bytes memory unopened = pack(Lock(2, 90, 1050, "never opened"));
        closeBy(alice, params, 0, none());
        counterClaimWithAck(alice, params, proofOf(2, 10, unopened));
        raiseFloorOf(alice, params, proofOf(9, 100));
        rollPastFinal(params);
        settleExpecting(params, unopened, "", 0, 150);
    }

    /// @dev A floor is no counter-claim: nothing is to be answered, so it prolongs nothing.
    function test_floorDoesNotProlong() external {
        closeBy(alice, params, 0, none());
        vm.roll(1100);
        raiseFloorOf(alice, params, proofOf(9, 10));
        vm.roll(1101);
        settleExpecting(params, "", "", 90, 60);
    }

    // --------------------------------------------------------------------------------------------------- times

    /// @dev Both calls are accepted in the block of the deadline and not in the next one; before a close, not at all.
    function test_untilTheDeadline() external {
        IDuplexChannel.BalanceProof memory proof = proofOf(5, 30);
        IDuplexChannel.Sig memory sig = signed(alice, params, proof);
        expectError(IDuplexChannel.NotClosed.selector, idOf(params));
        post(bob.account, proof, sig, absent());
        expectError(IDuplexChannel.NotClosed.selector, idOf(params));
        channels.raiseFloor(params, proof, sig);
        closeBy(alice, params, 0, none());
        vm.roll(1101);
        expectError(IDuplexChannel.TooLate.selector, 1101, 1100);
        post(bob.account, proof, sig, absent());
        expectError(IDuplexChannel.TooLate.selector, 1101, 1100);
        channels.raiseFloor(params, proof, sig);
        vm.roll(1100);
        channels.raiseFloor(params, proof, sig);
        post(bob.account, proof, sig, absent());
    }

    /// @dev [52] [80] A lock that was cancelled is posted in the last block; the ack of a newer proof refutes it.
    function test_cancelledLockIsRefuted() external {
        closeBy(alice, params, 10, none());
        vm.roll(1100);
        counterClaimBy(bob, params, proofOf(4, 10, locks));
        vm.roll(1150);
        counterClaimWithAck(alice, params, proofOf(5, 10));
        vm.roll(1151);
        settleExpecting(params, "", "", 90, 60);
    }

    /// @dev [53] In the refute phase: no proof without an ack, even by its recipient; none for an empty direction; no
    /// floor; none that is older.
    function test_refutePhase() external {
        closeBy(alice, params, 10, none());
        counterClaimBy(bob, params, proofOf(4, 10, locks));
        raiseFloorOf(bob, params, proofOf(4, 10));
        vm.roll(1101);
        IDuplexChannel.BalanceProof memory proof = proofOf(5, 10);
        IDuplexChannel.Sig memory sig = signed(alice, params, proof);
        expectError(IDuplexChannel.AckMissing.selector, bob.account);
        post(bob.account, proof, sig, absent());
        expectError(IDuplexChannel.TooLate.selector, 1101, 1100);
        channels.raiseFloor(params, proof, sig);

        // Bob's direction has a floor but no proof.
        IDuplexChannel.Sig memory fromB = signed(bob, params, proof);
        IDuplexChannel.Sig memory ackA = acked(alice, params, proof);
        expectError(IDuplexChannel.NothingToRefute.selector, idOf(params));
        post(STRANGER, proof, fromB, ackA);

        IDuplexChannel.BalanceProof memory stale = proofOf(4, 10);
        IDuplexChannel.Sig memory staleSig = signed(alice, params, stale);
        IDuplexChannel.Sig memory staleAck = acked(bob, params, stale);
        expectError(IDuplexChannel.Stale.selector, 4, 4);
        post(STRANGER, stale, staleSig, staleAck);

        IDuplexChannel.Sig memory ack = acked(bob, params, proof);
        post(bob.account, proof, sig, ack);
        expectPosted(false, 5, 10, 10);
    }

    /// @dev [54] After it, nothing; and it is never prolonged.
    function test_afterTheRefutePhase() external {
        closeBy(alice, params, 10, none());
        counterClaimBy(bob, params, proofOf(4, 10, locks));
        vm.roll(1150);
        counterClaimWithAck(alice, params, proofOf(5, 10));
        vm.roll(1151);
        IDuplexChannel.BalanceProof memory proof = proofOf(6, 10);
        IDuplexChannel.Sig memory sig = signed(alice, params, proof);
        IDuplexChannel.Sig memory ack = acked(bob, params, proof);
        expectError(IDuplexChannel.TooLate.selector, 1151, 1150);
        post(STRANGER, proof, sig, ack);
        expectError(IDuplexChannel.TooLate.selector, 1151, 1100);
        channels.raiseFloor(params, proof, sig);
    }

    /// @dev Without a counter-claim there is no refute phase, although a proof came with the close.
    function test_noRefutePhaseWithoutCounterClaim() external {
        closeBy(alice, params, 10, proofOf(4, 10, locks));
        vm.roll(1101);
        IDuplexChannel.BalanceProof memory proof = proofOf(5, 10);
        IDuplexChannel.Sig memory sig = signed(bob, params, proof);
        IDuplexChannel.Sig memory ack = acked(alice, params, proof);
        expectError(IDuplexChannel.TooLate.selector, 1101, 1100);
        post(STRANGER, proof, sig, ack);
        settleExpecting(params, "", locks, 120, 30);
    }

    /// @dev However often nonces and floors are posted, they only rise.
    function testFuzz_noncesAndFloorsOnlyRise(uint48[8] memory nonces, uint96[8] memory sums, uint8 kinds) external {
        closeBy(alice, params, 0, none());
        uint48 highest;
        uint96 floor;
        for (uint256 i = 0; i < nonces.length; ++i) {
            IDuplexChannel.BalanceProof memory proof = proofOf(nonces[i] % 16, sums[i] % 256);
            IDuplexChannel.Sig memory sig = signed(alice, params, proof);
            if ((kinds >> i) & 1 == 0) {
                bytes memory call = abi.encodeCall(channels.counterClaim, (params, proof, sig, absent()));
                assertTrue(tried(bob.account, call) == (highest < proof.nonce), "exactly what is newer");
                if (highest < proof.nonce) highest = proof.nonce;
            } else {
                bytes memory call = abi.encodeCall(channels.raiseFloor, (params, proof, sig));
                assertTrue(tried(STRANGER, call) == (floor < proof.transferred), "exactly what is higher");
                if (floor < proof.transferred) floor = proof.transferred;
            }
        }
        assertEq(postedOf(params, false).nonce, highest, "nonce");
        assertEq(postedOf(params, false).floor, floor, "floor");
    }
}
