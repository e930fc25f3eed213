// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDuplexChannel} from "../src/IDuplexChannel.sol";
import {ChannelTest} from "./support/ChannelTest.sol";
import {vm} from "./support/Vm.sol";

/// @dev `open` and `deposit` in QTUM. Numbers in brackets are the cases of the review, see README.md.
contract OpeningTest is ChannelTest {
    /// @dev [1] One transaction opens and deposits.
    function test_openDepositsForA() external {
        IDuplexChannel.Params memory params =
            IDuplexChannel.Params(1, alice.account, bob.account, address(0), WINDOW, PENALTY_BPS);
        vm.expectEmit(address(channels));
        emit IDuplexChannel.Opened(
            idOf(params), alice.account, bob.account, 1, address(0), WINDOW, PENALTY_BPS, 100 * QTUM
        );
        vm.prank(alice.account);
        bytes32 id = channels.open{value: 100 * QTUM}(bob.account, address(0), 100 * QTUM, WINDOW, PENALTY_BPS);
        assertEq(id, idOf(params), "id");
        (int96 netA, int96 netB, uint32 deadline, uint16 sequence, uint16 flags) = channels.channel(id);
        assertEq(netA, int256(100 * 1e8), "netA");
        assertTrue(netB == 0 && deadline == 0 && sequence == 0 && flags == 1, "open and nothing else");
        assertEq(address(channels).balance, 100 * QTUM, "held");
    }

    /// @dev [2] Either side, any time, and it is told apart.
    function test_depositToEitherSide() external {
        IDuplexChannel.Params memory params = openWith(100, 0);
        vm.expectEmit(address(channels));
        emit IDuplexChannel.Deposited(idOf(params), true, 7);
        vm.prank(bob.account);
        channels.deposit{value: 7}(params, true, 7);
        vm.prank(bob.account);
        channels.deposit{value: 5}(params, false, 5);
        (int96 netA, int96 netB,,,) = channels.channel(idOf(params));
        assertEq(netA, 105, "netA");
        assertEq(netB, 7, "netB");
    }

    /// @dev [3] Opening empty and depositing later works too.
    function test_openEmpty() external {
        IDuplexChannel.Params memory params = openWith(0, 0);
        (,,,, uint16 flags) = channels.channel(idOf(params));
        assertEq(flags, 1, "exists although it holds nothing");
        vm.prank(alice.account);
        channels.deposit{value: 3}(params, false, 3);
        closeBy(alice, params, 0, none());
        rollPastFinal(params);
        settleExpecting(params, "", "", 3, 0);
    }

    /// @dev [4] The same parameters again are another channel: the number differs.
    function test_sameParamsAgainIsAnotherChannel() external {
        IDuplexChannel.Params memory first = openWith(1, 0);
        IDuplexChannel.Params memory second = openWith(1, 0);
        assertEq(first.number + 1, second.number, "number");
        assertTrue(idOf(first) != idOf(second), "ids differ");
    }

    /// @dev [5] An ended channel never comes back: reopening yields a new id, and what was signed for the old one is void.
    function test_idNeverComesBack() external {
        IDuplexChannel.Params memory first = openWith(100, 0);
        IDuplexChannel.BalanceProof memory proof = proofOf(1, 60);
        closeBy(alice, first, 0, none());
        rollPastFinal(first);
        channels.settle(first, "", "");

        IDuplexChannel.Params memory second = openWith(100, 0);
        IDuplexChannel.Sig memory sig = signed(alice, first, proof);
        vm.startPrank(bob.account, bob.account);
        channels.close(second, 0, none(), absent(), FOREVER);
        expectError(IDuplexChannel.SignatureInvalid.selector, alice.account);
        channels.counterClaim(second, proof, sig, absent());
        expectError(IDuplexChannel.UnknownChannel.selector, idOf(first));
        channels.counterClaim(first, proof, sig, absent());
        vm.stopPrank();
    }

    /// @dev [6] Accounts must be two, and none of them nobody or the contract.
    function test_partnerMustBeSomebodyElse() external {
        address[3] memory refused = [address(0), alice.account, address(channels)];
        for (uint256 i = 0; i < refused.length; ++i) {
            expectError(IDuplexChannel.PartnerInvalid.selector, refused[i]);
            vm.prank(alice.account);
            channels.open(refused[i], address(0), 0, WINDOW, 0);
        }
    }

    /// @dev [7] The window is bounded; any penalty is allowed.
    function test_windowBounds() external {
        uint32[2] memory refused = [uint32(9), 100_001];
        for (uint256 i = 0; i < refused.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IDuplexChannel.WindowOutOfBounds.selector, refused[i], 10, 100_000));
            channels.open(bob.account, address(0), 0, refused[i], 0);
        }
        channels.open(bob.account, address(0), 0, 10, type(uint16).max);
        channels.open(bob.account, address(0), 0, 100_000, 0);
        assertEq(channels.channelCount(), 2, "count");
        assertEq(channels.minWindow(), 10, "min");
        assertEq(channels.maxWindow(), 100_000, "max");
    }

    function test_constructorBounds() external {
        assertTrue(deployable(2, 2) && deployable(2700, (1 << 24) - 1), "sensible");
        assertTrue(!deployable(1, 10) && !deployable(11, 10) && !deployable(10, 1 << 24), "senseless");
    }

    function deployable(uint32 min, uint32 max) private returns (bool ok) {
        (ok,) = address(this).call(abi.encodeCall(this.deployWith, (min, max)));
    }

    function deployWith(uint32 min, uint32 max) external {
        deploy(min, max);
    }

    /// @dev [8] A stranger may give; it is nobody's loss but its own.
    function test_strangerDeposits() external {
        IDuplexChannel.Params memory params = openWith(10, 0);
        vm.prank(STRANGER);
        channels.deposit{value: 1}(params, true, 1);
        closeBy(alice, params, 0, none());
        rollPastFinal(params);
        settleExpecting(params, "", "", 10, 1);
    }

    /// @dev [9] The call's value is the amount, neither more nor less.
    function test_valueMustBeTheAmount() external {
        IDuplexChannel.Params memory params = openWith(10, 0);
        for (uint256 value = 4; value <= 6; value += 2) {
            vm.expectRevert(abi.encodeWithSelector(IDuplexChannel.ValueMismatch.selector, value, 5));
            channels.deposit{value: value}(params, true, 5);
            vm.expectRevert(abi.encodeWithSelector(IDuplexChannel.ValueMismatch.selector, value, 5));
            channels.open{value: value}(bob.account, address(0), 5, WINDOW, 0);
        }
    }

    /// @dev [10] No deposit after the close, during finalization, after expiry, or after the end; the value comes back.
    function test_depositAfterCloseReverts() external {
        IDuplexChannel.Params memory params = openWith(10, 0);
        closeBy(alice, params, 0, none());
        uint256 before = STRANGER.balance;
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IDuplexChannel.NotOpen.selector, idOf(params), deadlineOf(params)));
            vm.prank(STRANGER);
            channels.deposit{value: 5}(params, true, 5);
            rollPastFinal(params);
        }
        channels.settle(params, "", "");
        expectError(IDuplexChannel.UnknownChannel.selector, idOf(params));
        vm.prank(STRANGER);
        channels.deposit{value: 5}(params, true, 5);
        assertEq(STRANGER.balance, before, "the value came back");
    }

    /// @dev [11] A net fits into an int96 or the deposit is refused; nothing wraps.
    function test_depositLimit() external {
        uint96 limit = uint96(type(int96).max);
        vm.deal(alice.account, 1 << 99);
        vm.deal(STRANGER, 1 << 99);
        IDuplexChannel.Params memory params = openWith(limit - 1, 0);
        vm.expectRevert(abi.encodeWithSelector(IDuplexChannel.DepositTooLarge.selector, 2, 1));
        vm.prank(STRANGER);
        channels.deposit{value: 2}(params, false, 2);
        vm.prank(STRANGER);
        channels.deposit{value: 1}(params, false, 1);
        vm.prank(STRANGER);
        channels.deposit{value: limit}(params, true, limit);
        vm.expectRevert(abi.encodeWithSelector(IDuplexChannel.DepositTooLarge.selector, limit + 1, limit));
        vm.prank(STRANGER);
        channels.open{value: uint256(limit) + 1}(bob.account, address(0), limit + 1, WINDOW, 0);
        closeBy(alice, params, 0, none());
        rollPastFinal(params);
        settleExpecting(params, "", "", limit, limit);
    }

    function testFuzz_depositsAddUp(uint96[6] memory amounts, uint8 sides) external {
        vm.deal(address(this), 1 << 99);
        IDuplexChannel.Params memory params = openWith(0, 0);
        int256[2] memory nets;
        for (uint256 i = 0; i < amounts.length; ++i) {
            uint96 amount = uint96(bound(amounts[i], 0, 1 << 92));
            uint256 side = (sides >> i) & 1;
            channels.deposit{value: amount}(params, side == 1, amount);
            nets[side] += int256(uint256(amount));
        }
        (int96 netA, int96 netB,,, uint16 flags) = channels.channel(idOf(params));
        assertEq(netA, nets[0], "netA");
        assertEq(netB, nets[1], "netB");
        assertEq(flags, 1, "flags");
    }

    /// @dev Other params are another channel, which does not exist.
    function testFuzz_paramsAreTheChannel(uint256 which, uint16 delta) external {
        IDuplexChannel.Params memory params = openWith(10, 10);
        delta = uint16(bound(delta, 1, type(uint16).max));
        which = which % 6;
        if (which == 0) params.number += delta;
        if (which == 1) params.accountA = address(uint160(params.accountA) ^ delta);
        if (which == 2) params.accountB = address(uint160(params.accountB) ^ delta);
        if (which == 3) params.window += delta;
        if (which == 4) params.penaltyBps ^= delta;
        if (which == 5) (params.accountA, params.accountB) = (params.accountB, params.accountA);
        expectError(IDuplexChannel.UnknownChannel.selector, idOf(params));
        channels.deposit{value: 1}(params, true, 1);
    }

    /// @dev Dirty bits around a param do not make a second name for a channel.
    function test_dirtyParamsAreRefused() external {
        IDuplexChannel.Params memory params = openWith(10, 10);
        bytes memory call = abi.encodeCall(channels.recover, (params, FOREVER));
        for (uint256 param = 0; param < 6; ++param) {
            if (param == 3) continue;
            bytes memory dirty = bytes.concat(call);
            dirty[4 + 32 * param] = 0x01;
            vm.prank(alice.account);
            (bool ok,) = address(channels).call(dirty);
            assertTrue(!ok, "refused");
        }
        vm.prank(alice.account);
        (bool clean,) = address(channels).call(call);
        assertTrue(clean, "accepted");
    }

    /// @dev Money only comes in through a deposit.
    function test_plainPaymentIsRefused() external {
        (bool ok,) = address(channels).call{value: 1}("");
        assertTrue(!ok, "refused");
    }

    receive() external payable {}
}
