// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDuplexChannel} from "../src/IDuplexChannel.sol";
import {Settlement} from "../src/Settlement.sol";
import {ChannelTest} from "./support/ChannelTest.sol";
import {Bookkeeper, Burner, Chatterer, Demander, Reenterer, Refuser} from "./support/Contracts.sol";
import {vm} from "./support/Vm.sol";

/// @dev `settle`: when, what, to whom. Locks are in Locks.t.sol.
contract SettleTest is ChannelTest {
    // ---------------------------------------------------------------------------------------------------- when

    /// @dev [58] From the block after the deadline on, or after the refute phase; nobody has to hurry.
    function test_notBeforeTheEnd() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        expectError(IDuplexChannel.NotClosed.selector, idOf(params));
        channels.settle(params, "", "");
        closeBy(alice, params, 0, none());
        vm.roll(1100);
        expectError(IDuplexChannel.NotFinal.selector, 1100, 1101);
        channels.settle(params, "", "");
        counterClaimBy(bob, params, proofOf(1, 0));
        vm.roll(1150);
        expectError(IDuplexChannel.NotFinal.selector, 1150, 1151);
        channels.settle(params, "", "");
        vm.roll(1151);
        uint256 state = vm.snapshotState();
        settleExpecting(params, "", "", 100, 50);
        vm.revertToState(state);
        vm.roll(50_000_000);
        settleExpecting(params, "", "", 100, 50);
    }

    function test_settleOnce() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        closeBy(alice, params, 0, none());
        rollPastFinal(params);
        settleExpecting(params, "", "", 100, 50);
        expectError(IDuplexChannel.UnknownChannel.selector, idOf(params));
        channels.settle(params, "", "");
    }

    // ---------------------------------------------------------------------------------------------------- what

    /// @dev [59] Without any proof the deposits go back.
    function test_withoutProofs() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        closeBy(bob, params, 0, none());
        rollPastFinal(params);
        vm.expectEmit(address(channels));
        emit IDuplexChannel.Settled(idOf(params), 100, 50, 0);
        settleExpecting(params, "", "", 100, 50);
    }

    /// @dev [60] One direction, and both.
    function test_oneAndBothDirections() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        closeBy(alice, params, 30, proofOf(1, 10));
        rollPastFinal(params);
        settleExpecting(params, "", "", 80, 70);

        params = openWith(100, 50);
        closeBy(bob, params, 0, proofOf(1, 30));
        rollPastFinal(params);
        settleExpecting(params, "", "", 70, 80);
    }

    /// @dev [61] What was sent in all may be many times what the channel holds.
    function test_cumulativeSumsFarAboveTheDeposits() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        closeBy(alice, params, type(uint96).max, proofOf(9, type(uint96).max - 40));
        rollPastFinal(params);
        settleExpecting(params, "", "", 60, 90);
    }

    /// @dev [64] Claims beyond what there is are cut to what there is, in either direction.
    function test_claimsBeyondTheTotal() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        closeBy(alice, params, 0, proofOf(9, 51));
        rollPastFinal(params);
        settleExpecting(params, "", "", 150, 0);

        params = openWith(100, 50);
        closeBy(bob, params, 0, proofOf(9, type(uint96).max));
        rollPastFinal(params);
        settleExpecting(params, "", "", 0, 150);
    }

    /// @dev [65] The penalty is a multiple of what was hidden, at most what the closer gets.
    function test_penalty() external {
        // Hidden 30: at 10,000 bps 30 more, at 0 nothing, at 2,500 a quarter, at 65,535 everything.
        expectPenalty(20, 50, 10_000, 30);
        expectPenalty(20, 50, 0, 0);
        expectPenalty(20, 50, 2_500, 7);
        expectPenalty(20, 50, 65_535, 50);
        expectPenalty(49, 50, 65_535, 50);
        expectPenalty(49, 50, 65_534, 6);
        // The truth, and more than the truth.
        expectPenalty(50, 50, 65_535, 0);
        expectPenalty(60, 50, 65_535, 0);
        // Nothing left to pay with.
        expectPenalty(0, 99, 10_000, 1);
        expectPenalty(0, 100, 65_535, 0);
    }

    function expectPenalty(uint96 declared, uint96 sent, uint16 penaltyBps, uint96 penalty) private {
        for (uint256 i = 0; i < 2; ++i) {
            IDuplexChannel.Params memory params = openWith(i == 0 ? 100 : 0, i == 0 ? 0 : 100, penaltyBps);
            (Participant memory closer, Participant memory partner) = i == 0 ? (alice, bob) : (bob, alice);
            closeBy(closer, params, declared, none());
            counterClaimBy(partner, params, proofOf(7, sent));
            rollPastFinal(params);
            uint96 rest = 100 - Math96.max(declared, sent) - penalty;
            vm.expectEmit(address(channels));
            emit IDuplexChannel.Settled(idOf(params), i == 0 ? rest : 100 - rest, i == 0 ? 100 - rest : rest, penalty);
            channels.settle(params, "", "");
        }
    }

    function test_noPenaltyAfterRecover() external {
        IDuplexChannel.Params memory params = openWith(100, 0, 65_535);
        vm.prank(alice.account);
        channels.recover(params, FOREVER);
        counterClaimBy(bob, params, proofOf(7, 50));
        rollPastFinal(params);
        settleExpecting(params, "", "", 50, 50);
    }

    /// @dev [66] A floor shows what was hidden as well as a proof does.
    function test_penaltyByFloor() external {
        IDuplexChannel.Params memory params = openWith(100, 0);
        closeBy(alice, params, 20, none());
        raiseFloorOf(alice, params, proofOf(7, 50));
        rollPastFinal(params);
        settleExpecting(params, "", "", 20, 80);

        // In both orders with a proof that shows less, and with no declaration at all.
        for (uint256 i = 0; i < 4; ++i) {
            params = openWith(100, 0);
            closeBy(alice, params, i < 2 ? 20 : 0, none());
            if (i % 2 == 0) counterClaimBy(bob, params, proofOf(6, 30));
            raiseFloorOf(alice, params, proofOf(7, 50));
            if (i % 2 == 1) counterClaimBy(bob, params, proofOf(6, 30));
            rollPastFinal(params);
            settleExpecting(params, "", "", i < 2 ? 20 : 0, i < 2 ? 80 : 100);
        }
    }

    /// @dev Locks are never counted as hidden: an honest closer may know less of them.
    function test_locksAreNotHidden() external {
        IDuplexChannel.Params memory params = openWith(100, 0, 65_535);
        bytes memory locks = pack(Lock(1, 30, 1050, "preimage"));
        registerPreimage("preimage");
        closeBy(alice, params, 20, none());
        counterClaimBy(bob, params, proofOf(7, 20, locks));
        rollPastFinal(params);
        settleExpecting(params, locks, "", 50, 50);
    }

    /// @dev The partner's direction has no declaration, so nothing in it is hidden.
    function test_partnersDirectionIsNeverFined() external {
        IDuplexChannel.Params memory params = openWith(100, 50, 65_535);
        closeBy(alice, params, 0, proofOf(1, 5));
        counterClaimBy(alice, params, proofOf(2, 20));
        raiseFloorOf(bob, params, proofOf(3, 30));
        rollPastFinal(params);
        settleExpecting(params, "", "", 130, 20);
    }

    /// @dev [67] Who declares more than anybody can show has given it away.
    function test_declarationIsAFloor() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        closeBy(alice, params, 40, none());
        counterClaimBy(bob, params, proofOf(7, 30));
        rollPastFinal(params);
        settleExpecting(params, "", "", 60, 90);
    }

    /// @dev The story of the README: hiding received money hurts only oneself.
    function test_hidingIncomeHurtsOnlyOneself() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        closeBy(alice, params, 0, proofOf(1, 5));
        rollPastFinal(params);
        settleExpecting(params, "", "", 105, 45);
    }

    /// @dev The arithmetic against 512-bit common sense: nothing is lost, nothing is made, order does not matter.
    function testFuzz_splitAndPenalty(
        int96 netA,
        int96 netB,
        uint104 owedByA,
        uint104 owedByB,
        uint96 declared,
        uint16 bps
    ) external pure {
        vm.assume(0 <= int256(netA) + netB);
        uint256 total = uint256(int256(netA) + netB);
        (uint256 payA, uint256 payB) = Settlement.split(netA, total, owedByA, owedByB);
        (uint256 mirroredB, uint256 mirroredA) = Settlement.split(netB, total, owedByB, owedByA);
        assertEq(payA + payB, total, "pays exactly the total");
        assertTrue(payA == mirroredA && payB == mirroredB, "neither side is preferred");
        int256 due = int256(netA) + int256(uint256(owedByB)) - int256(uint256(owedByA));
        if (0 <= due && uint256(due) <= total) assertEq(payA, uint256(due), "what is due");
        uint256 penalty = Settlement.penalty(payA, owedByA, declared, bps);
        assertLe(penalty, payA, "within the pay");
        if (owedByA <= declared) assertEq(penalty, 0, "an honest closer pays none");
    }

    // --------------------------------------------------------------------------------------------------- whom

    /// @dev [68] Who calls makes no difference.
    function test_callerIsIrrelevant() external {
        address[3] memory callers = [STRANGER, alice.account, bob.account];
        for (uint256 i = 0; i < callers.length; ++i) {
            IDuplexChannel.Params memory params = openWith(100, 50);
            closeBy(alice, params, 30, none());
            rollPastFinal(params);
            uint256 beforeA = alice.account.balance;
            uint256 beforeB = bob.account.balance;
            vm.prank(callers[i]);
            channels.settle(params, "", "");
            assertEq(alice.account.balance - beforeA, 70, "alice is paid");
            assertEq(bob.account.balance - beforeB, 80, "bob is paid");
        }
    }

    /// @dev [36] A payee that refuses, burns gas or talks too much holds up nobody; one with a wallet's code is paid.
    function test_hostilePayees() external {
        bytes[3] memory hostile = [type(Refuser).runtimeCode, type(Burner).runtimeCode, type(Chatterer).runtimeCode];
        for (uint256 i = 0; i < hostile.length; ++i) {
            IDuplexChannel.Params memory params = openWith(100, 50);
            vm.etch(alice.account, hostile[i]);
            closeBy(alice, params, 30, none());
            rollPastFinal(params);
            uint256 before = bob.account.balance;
            vm.expectEmit(address(channels));
            emit IDuplexChannel.Credited(alice.account, address(0), 70);
            channels.settle{gas: 400_000}(params, "", "");
            assertEq(bob.account.balance - before, 80, "bob is paid");
            assertEq(channels.credit(alice.account, address(0)), 70 * (i + 1), "credit");
            assertEnded(params);
            vm.etch(alice.account, "");
        }
        vm.etch(alice.account, type(Bookkeeper).runtimeCode);
        IDuplexChannel.Params memory last = openWith(100, 50);
        closeBy(alice, last, 30, none());
        rollPastFinal(last);
        settleExpecting(last, "", "", 70, 80);
    }

    /// @dev Nobody turns a payment into a credit by bringing too little gas: either it is paid, or all reverts.
    function test_tooLittleGasIsNoReasonToCredit() external {
        expectPaidWithAnyGas(type(Bookkeeper).runtimeCode);
        expectPaidWithAnyGas(type(Demander).runtimeCode);
    }

    function expectPaidWithAnyGas(bytes memory code) private {
        IDuplexChannel.Params memory params = openWith(100, 50);
        // The second payee, so that little has to be done after a failure.
        vm.etch(bob.account, code);
        closeBy(alice, params, 100, none());
        rollPastFinal(params);
        bytes memory data = abi.encodeCall(channels.settle, (params, "", ""));
        uint256 paid;
        uint256 reverted;
        for (uint256 gas = 10_000; gas < 160_000; gas += 500) {
            uint256 state = vm.snapshotState();
            uint256 before = bob.account.balance;
            (bool ok,) = address(channels).call{gas: gas}(data);
            if (ok) {
                paid += 1;
                assertEq(bob.account.balance - before, 150, "paid, not credited");
            } else {
                reverted += 1;
            }
            vm.revertToState(state);
        }
        assertTrue(20 < paid && 20 < reverted, "both happened");
        vm.etch(bob.account, "");
    }

    /// @dev [69] A payee that calls back finds everything done already.
    function test_reenteringPayee() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        vm.etch(alice.account, type(Reenterer).runtimeCode);
        closeBy(alice, params, 30, none());
        rollPastFinal(params);

        bytes[3] memory calls = [
            abi.encodeCall(channels.settle, (params, "", "")),
            abi.encodeCall(channels.withdraw, (address(0), alice.account)),
            abi.encodeCall(channels.recover, (params, FOREVER))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            uint256 state = vm.snapshotState();
            Reenterer(payable(alice.account)).aim(calls[i]);
            vm.deal(address(channels), 1000);
            uint256 before = address(channels).balance;
            channels.settle(params, "", "");
            assertTrue(Reenterer(payable(alice.account)).tried(), "it called back");
            assertTrue(!Reenterer(payable(alice.account)).worked(), "nothing to take");
            assertEq(before - address(channels).balance + channels.credit(alice.account, address(0)), 150, "once");
            vm.revertToState(state);
        }
        // Views are consistent meanwhile [I17].
        Reenterer(payable(alice.account)).aim(abi.encodeCall(channels.channel, (idOf(params))));
        channels.settle(params, "", "");
        assertTrue(Reenterer(payable(alice.account)).worked(), "it looked");
        assertEq(Reenterer(payable(alice.account)).answer(), 0, "the channel is gone already");
    }
}

/// @dev For expectations only.
library Math96 {
    function max(uint96 a, uint96 b) internal pure returns (uint96) {
        return a < b ? b : a;
    }
}
