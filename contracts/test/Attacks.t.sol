// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDuplexChannel} from "../src/IDuplexChannel.sol";
import {ChannelTest} from "./support/ChannelTest.sol";
import {Probe} from "./support/Probe.sol";
import {vm} from "./support/Vm.sol";

/// @dev What worked against the original demo, and what was thought of since. Each must fail to steal.
contract AttacksTest is ChannelTest {
    uint256 private constant FIELD = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f;
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    uint256 private constant GENERATOR_X = 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798;

    /// @dev [86] The demo's theft, as it was executed on a real node: Bob claims 3 QTUM, Alice re-posts her own older
    /// "1 sat" for him, and both withdraw two blocks later. Here she can not re-post it by any call, and two blocks are
    /// not enough.
    function test_demoTheft() external {
        IDuplexChannel.Params memory params = openWith(10 * QTUM, 0);
        IDuplexChannel.BalanceProof memory old = proofOf(1, 1);
        IDuplexChannel.BalanceProof memory newest = proofOf(2, 3 * QTUM);
        IDuplexChannel.Sig memory oldSig = signed(alice, params, old);
        closeBy(bob, params, 0, newest);

        vm.startPrank(alice.account, alice.account);
        expectError(IDuplexChannel.AckMissing.selector, bob.account);
        channels.counterClaim(params, old, oldSig, absent());
        // Even if Bob once acked it.
        IDuplexChannel.Sig memory oldAck = acked(bob, params, old);
        expectError(IDuplexChannel.Stale.selector, 2, 1);
        channels.counterClaim(params, old, oldSig, oldAck);
        // A floor takes nothing away.
        channels.raiseFloor(params, old, oldSig);
        expectError(IDuplexChannel.NotOpen.selector, uint256(idOf(params)), deadlineOf(params));
        channels.close(params, 0, none(), absent(), FOREVER);

        vm.roll(block.number + 2);
        expectError(IDuplexChannel.NotFinal.selector, block.number, uint256(deadlineOf(params)) + 1);
        channels.settle(params, "", "");
        vm.expectRevert(abi.encodeWithSelector(IDuplexChannel.NoCredit.selector, alice.account, address(0)));
        channels.withdraw(address(0), alice.account);
        vm.stopPrank();

        vm.roll(uint256(deadlineOf(params)) + 1);
        settleExpecting(params, "", "", 7 * QTUM, 3 * QTUM);
    }

    /// @dev [5] [29] Everything that was signed for one deployment, tried at the next one with the same
    /// participants, numbers and deposits.
    function test_replayOnRedeployedContract() external {
        IDuplexChannel.Params memory params = openWith(100, 100);
        IDuplexChannel.BalanceProof memory proof = proofOf(1, 60);
        IDuplexChannel.Sig memory sig = signed(alice, params, proof);
        IDuplexChannel.Sig memory ack = acked(bob, params, proof);
        IDuplexChannel.Sig memory close = sign(alice, closeHash(params, -50, 0, FOREVER));
        IDuplexChannel.Sig memory take = sign(alice, withdrawHash(params, true, 50, 0, FOREVER));

        channels = deploy(10, 100_000);
        IDuplexChannel.Params memory again = openWith(100, 100);
        assertEq(idOf(params), idOf(again), "even the id is the same");
        vm.startPrank(bob.account, bob.account);
        expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
        channels.cooperativeClose(params, -50, FOREVER, close, absent());
        expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
        channels.cooperativeWithdraw(params, true, 50, FOREVER, take, absent());
        expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
        channels.close(params, 0, proof, sig, FOREVER);
        channels.close(params, 0, none(), absent(), FOREVER);
        expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
        channels.counterClaim(params, proof, sig, absent());
        expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
        channels.counterClaim(params, proof, sig, ack);
        expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
        channels.raiseFloor(params, proof, sig);
        vm.stopPrank();
    }

    /// @dev The demo let a claim exceed a side's money, and its subtraction went below zero. Here the side is empty, and
    /// the other gets what there is.
    function test_underflowOfASide() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        closeBy(bob, params, 0, proofOf(1, 101));
        counterClaimBy(alice, params, proofOf(1, type(uint96).max));
        rollPastFinal(params);
        // Bob hides almost 2^96 as well, and has nothing to pay a penalty with.
        settleExpecting(params, "", "", 150, 0);

        params = openWith(100, 50);
        closeBy(bob, params, 0, proofOf(1, 151));
        rollPastFinal(params);
        settleExpecting(params, "", "", 0, 150);
    }

    /// @dev The payer's best lie with everything at once: a declaration of nothing, the highest nonce, an old agreed
    /// proof with locks, and silence. One call by anybody makes it worth less than the truth.
    function test_allTogetherAgainstASleepingRecipient() external {
        IDuplexChannel.Params memory params = openWith(400, 0);
        bytes memory locks = pack(Lock(1, 300, 1050, "never opened"));
        closeBy(alice, params, 0, none());
        counterClaimWithAck(alice, params, proofOf(3, 10, locks));
        IDuplexChannel.BalanceProof memory wipe = proofOf(type(uint48).max, 0);
        IDuplexChannel.Sig memory sig = signed(alice, params, wipe);
        vm.startPrank(alice.account, alice.account);
        expectError(IDuplexChannel.AckMissing.selector, bob.account);
        channels.counterClaim(params, wipe, sig, absent());
        expectError(IDuplexChannel.FloorNotRaised.selector, 0, 0);
        channels.raiseFloor(params, wipe, sig);
        vm.stopPrank();
        raiseFloorOf(alice, params, proofOf(9, 250));
        rollPastFinal(params);
        settleExpecting(params, locks, "", 0, 400);
    }

    /// @dev A recipient that is itself the thief: it posts more than was signed, in every way, and gets what was signed.
    function test_recipientCanNotInvent() external {
        IDuplexChannel.Params memory params = openWith(100, 0);
        IDuplexChannel.BalanceProof memory proof = proofOf(3, 30);
        IDuplexChannel.Sig memory sig = signed(alice, params, proof);
        closeBy(bob, params, 0, none());
        IDuplexChannel.BalanceProof[3] memory forged =
            [proofOf(4, 30), proofOf(3, 31), IDuplexChannel.BalanceProof(3, 30, "root")];
        vm.startPrank(bob.account, bob.account);
        for (uint256 i = 0; i < forged.length; ++i) {
            expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
            channels.counterClaim(params, forged[i], sig, absent());
            expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
            channels.raiseFloor(params, forged[i], sig);
        }
        channels.counterClaim(params, proof, sig, absent());
        vm.stopPrank();
        rollPastFinal(params);
        settleExpecting(params, "", "", 70, 30);
    }

    // ---------------------------------------------------------------------------------------------- signatures

    /// @dev Posts a floor with this signature, which must be refused.
    function expectRefused(IDuplexChannel.Params memory params, IDuplexChannel.Sig memory sig, address account)
        private
    {
        expectError(IDuplexChannel.SignatureInvalid.selector, account);
        channels.raiseFloor(params, proofOf(1, 30), sig);
    }

    /// @dev [55] Malleable, cut and garbled signatures.
    function test_garbledSignatures() external {
        IDuplexChannel.Params memory params = openWith(100, 0);
        closeBy(bob, params, 0, none());
        IDuplexChannel.Sig memory good = signed(alice, params, proofOf(1, 30));
        IDuplexChannel.Sig memory sig = copy(good);
        sig.r = 0;
        expectRefused(params, sig, alice.account);
        sig = copy(good);
        sig.vs = 0;
        expectRefused(params, sig, alice.account);
        sig = copy(good);
        sig.vs = sig.vs ^ bytes32(uint256(1) << 255);
        expectRefused(params, sig, alice.account);
        sig = copy(good);
        sig.r = bytes32(ORDER - 1);
        expectRefused(params, sig, alice.account);
        sig = copy(good);
        sig.r = bytes32(type(uint256).max);
        expectRefused(params, sig, alice.account);
        expectRefused(params, absent(), address(0));
        channels.raiseFloor(params, proofOf(1, 30), good);
    }

    /// @dev Of s and n − s, which both verify, only the lower one is taken, even where the higher leaves the top bit free.
    /// Such an s is made to measure: with the nonce 1, r is the generator's x, and the key follows from r, s and digest.
    function test_highSIsRefused() external {
        Probe probe = new Probe();
        bytes32 digest = keccak256("digest");
        for (uint256 delta = 0; delta < 2; ++delta) {
            uint256 s = ORDER / 2 + delta;
            uint256 key = mulmod(addmod(s, ORDER - uint256(digest) % ORDER, ORDER), inverse(GENERATOR_X), ORDER);
            Participant memory p = participant(key);
            IDuplexChannel.Sig memory sig = IDuplexChannel.Sig(
                bytes32(GENERATOR_X), bytes32(s), bytes32(p.wallet.publicKeyX), bytes32(p.wallet.publicKeyY)
            );
            assertEq(ecrecover(digest, 27, bytes32(GENERATOR_X), bytes32(s)), p.wallet.addr, "it does verify");
            assertTrue(probe.check(sig, p.account, digest) == (delta == 0), "only the lower one");
        }
    }

    /// @dev 1 / a modulo the order, by Fermat.
    function inverse(uint256 a) private pure returns (uint256 result) {
        result = 1;
        for (uint256 exponent = ORDER - 2; exponent != 0; exponent >>= 1) {
            if (exponent & 1 == 1) result = mulmod(result, a, ORDER);
            a = mulmod(a, a, ORDER);
        }
    }

    /// @dev The y of the key must be the point's.
    function testFuzz_keyMustBeOnTheCurve(uint256 y) external {
        IDuplexChannel.Params memory params = openWith(100, 0);
        closeBy(bob, params, 0, none());
        IDuplexChannel.Sig memory sig = signed(alice, params, proofOf(1, 30));
        Probe probe = new Probe();
        assertTrue(probe.isPoint(uint256(sig.x), uint256(sig.y)), "the point");
        assertTrue(probe.isPoint(uint256(sig.x), FIELD - uint256(sig.y)), "its mirror, which has the other parity");
        vm.assume(y != uint256(sig.y) && y != FIELD - uint256(sig.y) && y < FIELD);
        assertTrue(!probe.isPoint(uint256(sig.x), y), "no third one");
        sig.y = bytes32(y);
        bool sameParity = y % 2 == alice.wallet.publicKeyY % 2;
        expectRefused(params, sig, sameParity ? alice.account : address(0));
    }

    function test_mirroredKeyIsAnotherAccount() external {
        IDuplexChannel.Params memory params = openWith(100, 0);
        closeBy(bob, params, 0, none());
        IDuplexChannel.Sig memory sig = signed(alice, params, proofOf(1, 30));
        sig.y = bytes32(FIELD - uint256(sig.y));
        expectRefused(params, sig, address(0));
    }

    function copy(IDuplexChannel.Sig memory sig) private pure returns (IDuplexChannel.Sig memory) {
        return IDuplexChannel.Sig(sig.r, sig.vs, sig.x, sig.y);
    }

    // ------------------------------------------------------------------------------------------------ storage

    /// @dev Cleared words are really zero, so that no ended channel leaves anything for another one to find.
    function testFuzz_nothingIsLeftOfAChannel(uint8 steps, uint96 declared, bool byB) external {
        IDuplexChannel.Params memory params = openWith(100, 100);
        bytes memory locks = pack(Lock(1, 3, 1050, "preimage"));
        (Participant memory closer, Participant memory partner) = byB ? (bob, alice) : (alice, bob);
        closeBy(closer, params, declared, steps & 1 == 0 ? none() : proofOf(1, 5, locks));
        if (steps & 2 != 0) raise(closer, params, 7);
        if (steps & 4 != 0) counterClaimBy(partner, params, proofOf(1, 6, steps & 64 != 0 ? locks : bytes("")));
        if (steps & 8 != 0) raise(closer, params, 9);
        if (steps & 16 != 0) raise(partner, params, 9);
        if (steps & 32 != 0) counterClaimBy(closer, params, proofOf(2, 6));
        rollPastFinal(params);
        vm.roll(block.number + WINDOW);
        channels.settle(params, "", "");
        assertEnded(params);
    }

    function raise(Participant memory sender, IDuplexChannel.Params memory params, uint96 floor) private {
        if (postedOf(params, sender.account == bob.account).floor < floor) {
            raiseFloorOf(sender, params, proofOf(1, floor));
        }
    }
}
