// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDuplexChannel} from "../src/IDuplexChannel.sol";
import {ChannelTest} from "./support/ChannelTest.sol";
import {Refuser} from "./support/Contracts.sol";
import {vm} from "./support/Vm.sol";

/// @dev `cooperativeWithdraw` and `cooperativeClose`.
contract AgreementTest is ChannelTest {
    function withdrawSigned(IDuplexChannel.Params memory params, bool fromB, uint96 amount, uint16 sequence) private {
        bytes32 hash = withdrawHash(params, fromB, amount, sequence, FOREVER);
        channels.cooperativeWithdraw(params, fromB, amount, FOREVER, sign(alice, hash), sign(bob, hash));
    }

    function closeSigned(IDuplexChannel.Params memory params, int96 netToA, uint16 sequence) private {
        bytes32 hash = closeHash(params, netToA, sequence, FOREVER);
        channels.cooperativeClose(params, netToA, FOREVER, sign(alice, hash), sign(bob, hash));
    }

    // -------------------------------------------------------------------------------------------- withdrawals

    /// @dev [21] Who calls agrees by calling, and needs the partner's signature only.
    function test_withdrawByEitherParticipant() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        IDuplexChannel.Sig memory sig = sign(bob, withdrawHash(params, false, 30, 0, FOREVER));
        uint256 before = alice.account.balance;
        vm.expectEmit(address(channels));
        emit IDuplexChannel.Withdrawn(idOf(params), false, 30, 1);
        vm.prank(alice.account);
        channels.cooperativeWithdraw(params, false, 30, FOREVER, absent(), sig);
        assertEq(alice.account.balance - before, 30, "alice is paid");

        sig = sign(alice, withdrawHash(params, true, 20, 1, FOREVER));
        before = bob.account.balance;
        vm.prank(bob.account);
        channels.cooperativeWithdraw(params, true, 20, FOREVER, sig, absent());
        assertEq(bob.account.balance - before, 20, "bob is paid");
        (int96 netA, int96 netB,, uint16 sequence,) = channels.channel(idOf(params));
        assertTrue(netA == 70 && netB == 30 && sequence == 2, "nets and sequence");
    }

    /// @dev [22] With both signatures anyone may bring it; without one nobody may.
    function test_withdrawByAnyone() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        bytes32 hash = withdrawHash(params, false, 30, 0, FOREVER);
        IDuplexChannel.Sig memory sigA = sign(alice, hash);
        IDuplexChannel.Sig memory sigB = sign(bob, hash);
        vm.startPrank(STRANGER, STRANGER);
        expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
        channels.cooperativeWithdraw(params, false, 30, FOREVER, absent(), sigB);
        expectError(IDuplexChannel.SignatureInvalid.selector, bob.account);
        channels.cooperativeWithdraw(params, false, 30, FOREVER, sigA, absent());
        channels.cooperativeWithdraw(params, false, 30, FOREVER, sigA, sigB);
        vm.stopPrank();
        // The origin of a transaction agrees to nothing.
        IDuplexChannel.Sig memory next = sign(bob, withdrawHash(params, false, 1, 1, FOREVER));
        vm.prank(STRANGER, alice.account);
        expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
        channels.cooperativeWithdraw(params, false, 1, FOREVER, absent(), next);
    }

    /// @dev [23] An agreement works once: the sequence has moved on.
    function test_withdrawReplay() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        withdrawSigned(params, false, 30, 0);
        bytes32 hash = withdrawHash(params, false, 30, 0, FOREVER);
        IDuplexChannel.Sig memory sigA = sign(alice, hash);
        IDuplexChannel.Sig memory sigB = sign(bob, hash);
        expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
        channels.cooperativeWithdraw(params, false, 30, FOREVER, sigA, sigB);
    }

    /// @dev [24] validUntil is the last height.
    function test_withdrawExpires() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        bytes32 hash = withdrawHash(params, false, 30, 0, 1100);
        IDuplexChannel.Sig memory sigA = sign(alice, hash);
        IDuplexChannel.Sig memory sigB = sign(bob, hash);
        vm.roll(1101);
        expectError(IDuplexChannel.Expired.selector, 1101, 1100);
        channels.cooperativeWithdraw(params, false, 30, 1100, sigA, sigB);
        expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
        channels.cooperativeWithdraw(params, false, 30, 1101, sigA, sigB);
        vm.roll(1100);
        channels.cooperativeWithdraw(params, false, 30, 1100, sigA, sigB);
    }

    /// @dev [25] Not during a dispute: what it would pay may be owed.
    function test_withdrawWhileClosing() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        closeBy(bob, params, 0, none());
        bytes32 hash = withdrawHash(params, false, 30, 0, FOREVER);
        IDuplexChannel.Sig memory sigA = sign(alice, hash);
        IDuplexChannel.Sig memory sigB = sign(bob, hash);
        expectError(IDuplexChannel.NotOpen.selector, uint256(idOf(params)), deadlineOf(params));
        channels.cooperativeWithdraw(params, false, 30, FOREVER, sigA, sigB);
    }

    /// @dev [26] No more than the channel holds, but all of it.
    function test_withdrawLimit() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        bytes32 hash = withdrawHash(params, false, 151, 0, FOREVER);
        IDuplexChannel.Sig memory sigA = sign(alice, hash);
        IDuplexChannel.Sig memory sigB = sign(bob, hash);
        expectError(IDuplexChannel.InsufficientChannelBalance.selector, 151, 150);
        channels.cooperativeWithdraw(params, false, 151, FOREVER, sigA, sigB);
        withdrawSigned(params, false, 150, 0);
        assertEq(address(channels).balance, 0, "empty");
    }

    /// @dev [27] A net may become negative: A takes out what it received, and the settlement is still right.
    function test_netBelowZeroSettlesRight() external {
        IDuplexChannel.Params memory params = openWith(10, 100);
        withdrawSigned(params, false, 60, 0);
        (int96 netA, int96 netB,,,) = channels.channel(idOf(params));
        assertEq(netA, -50, "netA");
        assertEq(netB, 100, "netB");
        // Bob has sent 70 in all; Alice has taken 60 of her 80.
        closeBy(alice, params, 0, proofOf(3, 70));
        vm.roll(uint256(deadlineOf(params)) + 1);
        settleExpecting(params, "", "", 20, 30);
    }

    /// @dev [28] A signature for one side or amount is none for the other.
    function test_withdrawFieldsAreSigned() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        bytes32 hash = withdrawHash(params, false, 30, 0, FOREVER);
        IDuplexChannel.Sig memory sigA = sign(alice, hash);
        IDuplexChannel.Sig memory sigB = sign(bob, hash);
        expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
        channels.cooperativeWithdraw(params, true, 30, FOREVER, sigA, sigB);
        expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
        channels.cooperativeWithdraw(params, false, 31, FOREVER, sigA, sigB);
        expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
        channels.cooperativeWithdraw(params, false, 30, FOREVER - 1, sigA, sigB);
        expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
        channels.cooperativeWithdraw(params, false, 30, FOREVER, sigB, sigA);
        // Nor is a cooperative close one.
        IDuplexChannel.Sig memory close = sign(bob, closeHash(params, 30, 0, FOREVER));
        vm.prank(alice.account);
        expectError(IDuplexChannel.SignatureInvalid.selector, bob.account);
        channels.cooperativeWithdraw(params, false, 30, FOREVER, absent(), close);
    }

    /// @dev [29] Nor is one for another channel, contract or chain.
    function test_withdrawElsewhere() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        IDuplexChannel.Params memory other = openWith(100, 50);
        bytes32 hash = withdrawHash(params, false, 30, 0, FOREVER);
        IDuplexChannel.Sig memory sigA = sign(alice, hash);
        IDuplexChannel.Sig memory sigB = sign(bob, hash);
        expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
        channels.cooperativeWithdraw(other, false, 30, FOREVER, sigA, sigB);

        vm.chainId(block.chainid + 1);
        expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
        channels.cooperativeWithdraw(params, false, 30, FOREVER, sigA, sigB);
        vm.chainId(block.chainid - 1);

        IDuplexChannel first = channels;
        channels = deploy(10, 100_000);
        openWith(100, 50);
        expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
        channels.cooperativeWithdraw(params, false, 30, FOREVER, sigA, sigB);
        first.cooperativeWithdraw(params, false, 30, FOREVER, sigA, sigB);
    }

    /// @dev The sequence does not run into the deadline's bits.
    function test_sequenceEnds() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        bytes32 slot = keccak256(abi.encode(idOf(params), uint256(1)));
        vm.store(address(channels), slot, vm.load(address(channels), slot) | bytes32(uint256(0xffff) << 16));
        bytes32 hash = withdrawHash(params, false, 1, type(uint16).max, FOREVER);
        IDuplexChannel.Sig memory sigA = sign(alice, hash);
        IDuplexChannel.Sig memory sigB = sign(bob, hash);
        vm.expectRevert();
        channels.cooperativeWithdraw(params, false, 1, FOREVER, sigA, sigB);
        closeSigned(params, 0, type(uint16).max);
    }

    function testFuzz_withdrawKeepsTheOtherSide(uint96 byA, uint96 byB, uint96 amount, bool fromB) external {
        byA = uint96(bound(byA, 0, 1e15));
        byB = uint96(bound(byB, 0, 1e15));
        amount = uint96(bound(amount, 0, uint256(byA) + byB));
        vm.deal(alice.account, 1e16);
        vm.deal(bob.account, 1e16);
        IDuplexChannel.Params memory params = openWith(byA, byB);
        withdrawSigned(params, fromB, amount, 0);
        (int96 netA, int96 netB,, uint16 sequence, uint16 flags) = channels.channel(idOf(params));
        assertEq(netA, int256(uint256(byA)) - (fromB ? int256(0) : int256(uint256(amount))), "netA");
        assertEq(netB, int256(uint256(byB)) - (fromB ? int256(uint256(amount)) : int256(0)), "netB");
        assertTrue(sequence == 1 && flags == 1, "sequence and flags");
    }

    // ------------------------------------------------------------------------------------- cooperative close

    /// @dev [30] One signature when a participant calls, two for anyone.
    function test_closeByEitherOrAnyone() external {
        for (uint256 i = 0; i < 3; ++i) {
            IDuplexChannel.Params memory params = openWith(100, 50);
            bytes32 hash = closeHash(params, -20, 0, FOREVER);
            IDuplexChannel.Sig memory sigA = sign(alice, hash);
            IDuplexChannel.Sig memory sigB = sign(bob, hash);
            uint256 beforeA = alice.account.balance;
            uint256 beforeB = bob.account.balance;
            vm.expectEmit(address(channels));
            emit IDuplexChannel.CooperativelyClosed(idOf(params), 80, 70);
            vm.prank(i == 0 ? alice.account : i == 1 ? bob.account : STRANGER);
            channels.cooperativeClose(params, -20, FOREVER, i == 0 ? absent() : sigA, i == 1 ? absent() : sigB);
            assertEq(alice.account.balance - beforeA, 80, "alice is paid");
            assertEq(bob.account.balance - beforeB, 70, "bob is paid");
            assertEnded(params);
        }
    }

    /// @dev [31] A stranger's dust can not break an agreement, nor does it move between the two.
    function test_dustDoesNotBreakTheClose() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        bytes32 hash = closeHash(params, 20, 0, FOREVER);
        IDuplexChannel.Sig memory sigA = sign(alice, hash);
        IDuplexChannel.Sig memory sigB = sign(bob, hash);
        channels.deposit{value: 1}(params, false, 1);
        channels.deposit{value: 2}(params, true, 2);
        vm.expectEmit(address(channels));
        emit IDuplexChannel.CooperativelyClosed(idOf(params), 121, 32);
        channels.cooperativeClose(params, 20, FOREVER, sigA, sigB);
    }

    /// @dev [32] It also ends a dispute, at any time, and leaves nothing of it.
    function test_closeEndsADispute() external {
        bytes memory locks = pack(Lock(1, 5, 1050, "preimage"));
        for (uint256 i = 0; i < 2; ++i) {
            IDuplexChannel.Params memory params = openWith(100, 50);
            closeBy(alice, params, 10, proofOf(1, 5, locks));
            counterClaimBy(bob, params, proofOf(2, 30, locks));
            raiseFloorOf(alice, params, proofOf(3, 40));
            raiseFloorOf(bob, params, proofOf(3, 7));
            if (i == 1) rollPastFinal(params);
            vm.expectEmit(address(channels));
            emit IDuplexChannel.CooperativelyClosed(idOf(params), 60, 90);
            closeSigned(params, -40, 0);
            assertEnded(params);
        }
    }

    /// @dev [33] A withdrawal outdates what was signed before it.
    function test_closeAfterWithdrawNeedsTheNewSequence() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        withdrawSigned(params, false, 30, 0);
        bytes32 hash = closeHash(params, 0, 0, FOREVER);
        IDuplexChannel.Sig memory sigA = sign(alice, hash);
        IDuplexChannel.Sig memory sigB = sign(bob, hash);
        expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
        channels.cooperativeClose(params, 0, FOREVER, sigA, sigB);
        closeSigned(params, 0, 1);
    }

    /// @dev [34] Nobody can be given what the other does not have.
    function test_closeBeyondTheChannel() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        bytes32 hash = closeHash(params, 51, 0, FOREVER);
        IDuplexChannel.Sig memory sigA = sign(alice, hash);
        IDuplexChannel.Sig memory sigB = sign(bob, hash);
        expectError(IDuplexChannel.InsufficientChannelBalance.selector, 51, 50);
        channels.cooperativeClose(params, 51, FOREVER, sigA, sigB);
        hash = closeHash(params, -101, 0, FOREVER);
        sigA = sign(alice, hash);
        sigB = sign(bob, hash);
        expectError(IDuplexChannel.InsufficientChannelBalance.selector, 101, 100);
        channels.cooperativeClose(params, -101, FOREVER, sigA, sigB);
    }

    /// @dev [35] All to one; and a channel that holds nothing.
    function test_closeWithOnePayeeOrNone() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        uint256 before = bob.account.balance;
        closeSigned(params, -100, 0);
        assertEq(bob.account.balance - before, 150, "bob is paid");
        params = openWith(0, 0);
        closeSigned(params, 0, 0);
        assertEnded(params);
    }

    /// @dev [36] A payee that refuses money is credited, and its partner is paid.
    function test_refusingPayeeIsCredited() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        vm.etch(bob.account, type(Refuser).runtimeCode);
        uint256 before = alice.account.balance;
        vm.expectEmit(address(channels));
        emit IDuplexChannel.Credited(bob.account, address(0), 70);
        closeSigned(params, -20, 0);
        assertEq(alice.account.balance - before, 80, "alice is paid");
        assertEq(channels.credit(bob.account, address(0)), 70, "credit");

        address elsewhere = address(0xE15E);
        vm.expectEmit(address(channels));
        emit IDuplexChannel.CreditWithdrawn(bob.account, address(0), elsewhere, 70);
        vm.prank(bob.account);
        channels.withdraw(address(0), elsewhere);
        assertEq(elsewhere.balance, 70, "fetched");
        expectNoCredit(bob.account);
    }

    /// @dev Fetching fails as a whole or works as a whole.
    function test_withdrawOfCreditToARefuserKeepsIt() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        vm.etch(bob.account, type(Refuser).runtimeCode);
        closeSigned(params, -20, 0);
        address[3] memory refused = [bob.account, address(0), address(channels)];
        for (uint256 i = 0; i < refused.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IDuplexChannel.PaymentFailed.selector, refused[i], 70));
            vm.prank(bob.account);
            channels.withdraw(address(0), refused[i]);
        }
        assertEq(channels.credit(bob.account, address(0)), 70, "kept");
        expectNoCredit(alice.account);
    }

    function expectNoCredit(address account) private {
        vm.expectRevert(abi.encodeWithSelector(IDuplexChannel.NoCredit.selector, account, address(0)));
        vm.prank(account);
        channels.withdraw(address(0), account);
    }

    function test_closeExpires() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        IDuplexChannel.Sig memory sig = sign(bob, closeHash(params, 0, 0, 1100));
        vm.roll(1101);
        expectError(IDuplexChannel.Expired.selector, 1101, 1100);
        vm.prank(alice.account);
        channels.cooperativeClose(params, 0, 1100, absent(), sig);
    }

    function testFuzz_closePaysExactlyEverything(uint96 byA, uint96 byB, uint96 netToA, bool negative) external {
        byA = uint96(bound(byA, 0, 1e15));
        byB = uint96(bound(byB, 0, 1e15));
        vm.deal(alice.account, 1e16);
        vm.deal(bob.account, 1e16);
        netToA = uint96(bound(netToA, 0, negative ? byA : byB));
        int96 net = negative ? -int96(netToA) : int96(netToA);
        IDuplexChannel.Params memory params = openWith(byA, byB);
        uint256 beforeA = alice.account.balance;
        uint256 beforeB = bob.account.balance;
        closeSigned(params, net, 0);
        assertEq(int256(alice.account.balance - beforeA), int256(uint256(byA)) + net, "alice is paid");
        assertEq(int256(bob.account.balance - beforeB), int256(uint256(byB)) - net, "bob is paid");
        assertEq(address(channels).balance, 0, "nothing is left");
    }
}
