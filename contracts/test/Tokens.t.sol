// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TestToken} from "../src/dev/TestToken.sol";
import {IDuplexChannel} from "../src/IDuplexChannel.sol";
import {ChannelTest} from "./support/ChannelTest.sol";
import {MoodyToken, SilentToken} from "./support/Tokens.sol";
import {vm} from "./support/Vm.sol";

/// @dev Channels in a QRC20: the same rules, and tokens of every bad character.
contract TokensTest is ChannelTest {
    TestToken private token;
    MoodyToken private moody;

    function setUp() public override {
        super.setUp();
        token = new TestToken("Test", "TST");
        moody = new MoodyToken();
        token.mint(alice.account, 1000);
        token.mint(bob.account, 1000);
        moody.mint(alice.account, 1000);
        moody.mint(bob.account, 1000);
        vm.prank(alice.account);
        token.approve(address(channels), type(uint256).max);
        vm.prank(bob.account);
        token.approve(address(channels), type(uint256).max);
    }

    function openIn(address asset, uint96 byAlice, uint96 byBob) private returns (IDuplexChannel.Params memory params) {
        vm.prank(alice.account);
        channels.open(bob.account, asset, byAlice, WINDOW, PENALTY_BPS);
        params = IDuplexChannel.Params(channels.channelCount(), alice.account, bob.account, asset, WINDOW, PENALTY_BPS);
        if (byBob != 0) {
            vm.prank(bob.account);
            channels.deposit(params, true, byBob);
        }
    }

    function closeTogether(IDuplexChannel.Params memory params, int96 netToA) private {
        bytes32 hash = closeHash(params, netToA, 0, FOREVER);
        channels.cooperativeClose(params, netToA, FOREVER, sign(alice, hash), sign(bob, hash));
    }

    function netsOf(IDuplexChannel.Params memory params) private view returns (int256, int256) {
        (int96 netA, int96 netB,,,) = channels.channel(idOf(params));
        return (netA, netB);
    }

    /// @dev A whole life in a well-behaved token.
    function test_life() external {
        IDuplexChannel.Params memory params = openIn(address(token), 100, 50);
        assertEq(token.balanceOf(address(channels)), 150, "held");
        bytes32 hash = withdrawHash(params, true, 10, 0, FOREVER);
        channels.cooperativeWithdraw(params, true, 10, FOREVER, sign(alice, hash), sign(bob, hash));
        assertEq(token.balanceOf(bob.account), 960, "withdrawn");
        closeBy(alice, params, 0, proofOf(1, 5));
        counterClaimBy(bob, params, proofOf(1, 30));
        rollPastFinal(params);
        channels.settle(params, "", "");
        assertEq(token.balanceOf(alice.account), 900 + 100 - 30 + 5 - 30, "alice, with the penalty");
        assertEq(token.balanceOf(bob.account), 960 + 50 - 10 + 30 - 5 + 30, "bob");
        assertEq(token.balanceOf(address(channels)), 0, "nothing is left");
        assertEnded(params);
    }

    /// @dev [9] A token channel takes no QTUM, on any path.
    function test_noQtumIntoATokenChannel() external {
        IDuplexChannel.Params memory params = openIn(address(token), 100, 0);
        vm.expectRevert(abi.encodeWithSelector(IDuplexChannel.ValueMismatch.selector, 5, 0));
        channels.deposit{value: 5}(params, false, 5);
        vm.expectRevert(abi.encodeWithSelector(IDuplexChannel.ValueMismatch.selector, 5, 0));
        channels.open{value: 5}(bob.account, address(token), 5, WINDOW, 0);
    }

    /// @dev [14] No answer is as good as "true".
    function test_silentToken() external {
        SilentToken silent = new SilentToken();
        silent.mint(alice.account, 100);
        IDuplexChannel.Params memory params = openIn(address(silent), 100, 0);
        closeTogether(params, -30);
        assertEq(silent.balanceOf(alice.account), 70, "alice");
        assertEq(silent.balanceOf(bob.account), 30, "bob");
    }

    /// @dev [15] Whatever is not "true" when pulling reverts the deposit.
    function test_refusedPull() external {
        IDuplexChannel.Params memory params = openIn(address(moody), 10, 0);
        MoodyToken.Mood[4] memory moods = [
            MoodyToken.Mood.SaysFalse, MoodyToken.Mood.SaysTwo, MoodyToken.Mood.SaysHalfAWord, MoodyToken.Mood.Reverts
        ];
        for (uint256 i = 0; i < moods.length; ++i) {
            moody.setMoods(moods[i], MoodyToken.Mood.Fine);
            vm.startPrank(alice.account, alice.account);
            vm.expectRevert(abi.encodeWithSelector(IDuplexChannel.TokenRefused.selector, address(moody), 7));
            channels.deposit(params, false, 7);
            vm.expectRevert(abi.encodeWithSelector(IDuplexChannel.TokenRefused.selector, address(moody), 7));
            channels.open(bob.account, address(moody), 7, WINDOW, 0);
            vm.stopPrank();
        }
        vm.prank(STRANGER);
        vm.expectRevert(abi.encodeWithSelector(IDuplexChannel.TokenRefused.selector, address(token), 7));
        channels.open(bob.account, address(token), 7, WINDOW, 0);
    }

    /// @dev [16] Of a token that takes fees, what arrives is counted, in the event as well.
    function test_feeOnTransfer() external {
        moody.setFee(3);
        vm.recordLogs();
        IDuplexChannel.Params memory params = openIn(address(moody), 100, 2);
        (int256 netA, int256 netB) = netsOf(params);
        assertEq(netA, 97, "netA");
        assertEq(netB, 0, "netB");
        moody.setFee(0);
        vm.expectEmit(address(channels));
        emit IDuplexChannel.Deposited(idOf(params), true, 20);
        vm.prank(bob.account);
        channels.deposit(params, true, 20);
        closeTogether(params, 0);
        assertEq(moody.balanceOf(address(channels)), 0, "solvent");
    }

    /// @dev [17] During a pull, the token calls back to deposit into another channel: counted twice it would be, so the
    /// guard forbids it. A call that moves no tokens may happen, and is seen.
    function test_reentrantPull() external {
        IDuplexChannel.Params memory first = openIn(address(moody), 100, 0);
        IDuplexChannel.Params memory second = openIn(address(moody), 100, 0);
        bytes[2] memory calls = [
            abi.encodeCall(channels.deposit, (second, false, 50)),
            abi.encodeCall(channels.open, (bob.account, address(moody), 50, WINDOW, 0))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            moody.mint(address(moody), 50);
            moody.setCallback(address(channels), calls[i]);
            vm.prank(bob.account);
            channels.deposit(first, true, 10);
            assertTrue(moody.calledBack() && !moody.callbackWorked(), "refused");
        }
        (int256 netA, int256 netB) = netsOf(first);
        assertTrue(netA == 100 && netB == 20, "first");
        (netA, netB) = netsOf(second);
        assertTrue(netA == 100 && netB == 0, "second");
        assertEq(moody.balanceOf(address(channels)), 220, "held");
    }

    /// @dev Closing while the token of a deposit is on its way: the deposit is refused, not the close undone.
    function test_closeDuringPull() external {
        moody.mint(address(moody), 100);
        vm.prank(address(moody));
        channels.open(bob.account, address(moody), 100, WINDOW, PENALTY_BPS);
        IDuplexChannel.Params memory params =
            IDuplexChannel.Params(1, address(moody), bob.account, address(moody), WINDOW, PENALTY_BPS);
        moody.setCallback(address(channels), abi.encodeCall(channels.recover, (params, FOREVER)));
        vm.expectRevert(abi.encodeWithSelector(IDuplexChannel.NotOpen.selector, idOf(params), 1300));
        vm.prank(bob.account);
        channels.deposit(params, true, 10);
    }

    /// @dev During a payment, nothing that moves tokens works, and the channel is over already.
    function test_reentrantPush() external {
        IDuplexChannel.Params memory params = openIn(address(moody), 100, 0);
        IDuplexChannel.Params memory other = openIn(address(moody), 100, 0);
        closeBy(alice, params, 0, none());
        closeBy(alice, other, 0, none());
        rollPastFinal(params);
        moody.setCallback(address(channels), abi.encodeCall(channels.settle, (other, "", "")));
        channels.settle(params, "", "");
        assertTrue(moody.calledBack() && !moody.callbackWorked(), "refused");
        channels.settle(other, "", "");
        assertEq(moody.balanceOf(alice.account), 1000, "alice has everything back");
    }

    /// @dev [18] Whatever is not "true" when paying becomes a credit; the partner is paid, later it is fetched.
    function test_refusedPush() external {
        MoodyToken.Mood[4] memory moods =
            [MoodyToken.Mood.SaysFalse, MoodyToken.Mood.SaysHalfAWord, MoodyToken.Mood.Reverts, MoodyToken.Mood.Burns];
        for (uint256 i = 0; i < moods.length; ++i) {
            IDuplexChannel.Params memory params = openIn(address(moody), 100, 0);
            moody.setMoods(MoodyToken.Mood.Fine, moods[i]);
            vm.expectEmit(address(channels));
            emit IDuplexChannel.Credited(alice.account, address(moody), 70);
            closeTogether(params, -30);
            assertEq(channels.credit(alice.account, address(moody)), 70, "alice");
            assertEq(channels.credit(bob.account, address(moody)), 30, "bob");
            assertEq(moody.balanceOf(address(channels)), 100, "held");

            vm.expectRevert(abi.encodeWithSelector(IDuplexChannel.PaymentFailed.selector, alice.account, 70));
            vm.prank(alice.account);
            channels.withdraw(address(moody), alice.account);
            moody.setMoods(MoodyToken.Mood.Fine, MoodyToken.Mood.Fine);
            vm.prank(alice.account);
            channels.withdraw(address(moody), alice.account);
            vm.prank(bob.account);
            channels.withdraw(address(moody), bob.account);
            assertEq(moody.balanceOf(address(channels)), 0, "fetched");
        }
    }

    /// @dev [19] A token must be a contract.
    function test_tokenWithoutCode() external {
        expectError(IDuplexChannel.NotAToken.selector, STRANGER);
        channels.open(bob.account, STRANGER, 0, WINDOW, 0);
    }

    /// @dev [20] Tokens that somebody just sends here belong to nobody's channel and disturb none.
    function test_donation() external {
        IDuplexChannel.Params memory params = openIn(address(token), 100, 0);
        token.mint(address(channels), 77);
        vm.prank(bob.account);
        channels.deposit(params, true, 10);
        (int256 netA, int256 netB) = netsOf(params);
        assertTrue(netA == 100 && netB == 10, "nets");
        closeTogether(params, 0);
        assertEq(token.balanceOf(address(channels)), 77, "the donation stays");
    }

    /// @dev Credits in one asset are none in another.
    function test_creditsAreByAsset() external {
        IDuplexChannel.Params memory params = openIn(address(moody), 100, 0);
        moody.setMoods(MoodyToken.Mood.Fine, MoodyToken.Mood.Reverts);
        closeTogether(params, 0);
        openWith(100, 100);
        vm.expectRevert(abi.encodeWithSelector(IDuplexChannel.NoCredit.selector, alice.account, address(0)));
        vm.prank(alice.account);
        channels.withdraw(address(0), alice.account);
    }
}
