// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDuplexChannel} from "../src/IDuplexChannel.sol";
import {ChannelTest} from "./support/ChannelTest.sol";
import {vm} from "./support/Vm.sol";

/// @dev The stories of the README, as they end on chain.
contract StoryTest is ChannelTest {
    function test_peacefulLife() external {
        IDuplexChannel.Params memory params = openWith(100 * QTUM, 0);
        IDuplexChannel.Sig memory sig = sign(bob, closeHash(params, -20 * 1e8, 0, FOREVER));
        uint256 beforeA = alice.account.balance;
        uint256 beforeB = bob.account.balance;
        vm.prank(alice.account);
        channels.cooperativeClose(params, -20 * 1e8, FOREVER, absent(), sig);
        assertEq(alice.account.balance - beforeA, 80 * QTUM, "alice is paid");
        assertEq(bob.account.balance - beforeB, 20 * QTUM, "bob is paid");
        assertEnded(params);
    }

    /// @dev Alice pays 200, gets 100 back, pays 300, closes with the old state; Bob sleeps, a tower does not.
    function test_storyOf400_towerAnswers() external {
        IDuplexChannel.Params memory params = openWith(400 * QTUM, 0);
        closeBy(alice, params, 200 * QTUM, proofOf(1, 100 * QTUM));
        raiseFloorOf(alice, params, proofOf(2, 500 * QTUM));
        vm.roll(uint256(deadlineOf(params)) + 1);
        settleExpecting(params, "", "", 0, 400 * QTUM);
    }

    /// @dev Alice has 50 of 100 left, hides her last 30, and pays for the lie.
    function test_penalty() external {
        IDuplexChannel.Params memory params = openWith(100 * QTUM, 0);
        closeBy(alice, params, 20 * QTUM, none());
        counterClaimBy(bob, params, proofOf(2, 50 * QTUM));
        rollPastFinal(params);
        settleExpecting(params, "", "", 20 * QTUM, 80 * QTUM);
    }
}
