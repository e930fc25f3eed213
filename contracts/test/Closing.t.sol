// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDuplexChannel} from "../src/IDuplexChannel.sol";
import {ChannelTest} from "./support/ChannelTest.sol";
import {vm} from "./support/Vm.sol";

/// @dev `close` and `recover`.
contract ClosingTest is ChannelTest {
    /// @dev [37] Only a participant closes, whoever pays for it.
    function test_strangerCanNotClose() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        vm.startPrank(STRANGER, alice.account);
        expectError(IDuplexChannel.NotParticipant.selector, STRANGER);
        channels.close(params, 0, none(), absent(), FOREVER);
        expectError(IDuplexChannel.NotParticipant.selector, STRANGER);
        channels.recover(params, FOREVER);
        vm.stopPrank();
    }

    /// @dev [38] With the partner's proof and without, with a declaration and without.
    function test_closeStoresWhatItWasGiven() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        bytes memory locks = pack(Lock(1, 5, 1050, "preimage"));
        IDuplexChannel.BalanceProof memory proof = proofOf(3, 12, locks);
        vm.expectEmit(address(channels));
        emit IDuplexChannel.Closed(idOf(params), false, 40, 3, 12, keccak256(locks), 1100);
        closeBy(alice, params, 40, proof);
        expectChannel(params, 1100, 1 | 16 | 32);
        assertPosted(params, false, Posted(0, 0, 40, 40, 0));
        assertPosted(params, true, Posted(3, 12, 0, 0, keccak256(locks)));

        params = openWith(100, 50);
        vm.expectEmit(address(channels));
        emit IDuplexChannel.Closed(idOf(params), true, 0, 0, 0, 0, 1100);
        closeBy(bob, params, 0, none());
        expectChannel(params, 1100, 1 | 2);
        assertPosted(params, false, Posted(0, 0, 0, 0, 0));
        assertPosted(params, true, Posted(0, 0, 0, 0, 0));
    }

    function expectChannel(IDuplexChannel.Params memory params, uint32 deadline, uint16 flags) private view {
        (int96 netA, int96 netB, uint32 deadline_,, uint16 flags_) = channels.channel(idOf(params));
        assertTrue(netA == 100 && netB == 50, "nets stay");
        assertEq(deadline_, deadline, "deadline");
        assertEq(flags_, flags, "flags");
    }

    /// @dev [39] The incoming proof is the partner's, over this channel, or it is refused.
    function test_incomingMustBeThePartners() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        IDuplexChannel.Params memory other = openWith(100, 50);
        IDuplexChannel.BalanceProof memory proof = proofOf(3, 12);
        IDuplexChannel.Sig[4] memory refused = [
            signed(alice, params, proof),
            signed(bob, other, proof),
            acked(bob, params, proof),
            signed(bob, params, proofOf(3, 13))
        ];
        vm.startPrank(alice.account, alice.account);
        for (uint256 i = 0; i < refused.length; ++i) {
            expectError(IDuplexChannel.SignatureInvalid.selector, bob.account);
            channels.close(params, 0, proof, refused[i], FOREVER);
        }
        expectError(IDuplexChannel.SignatureInvalid.selector, bob.account);
        channels.close(params, 0, proof, absent(), FOREVER);
        vm.stopPrank();
    }

    /// @dev A proof without a nonce is none, and must say nothing.
    function test_noProofMustBeEmpty() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        vm.startPrank(alice.account, alice.account);
        expectError(IDuplexChannel.NonceZero.selector);
        channels.close(params, 0, proofOf(0, 1), absent(), FOREVER);
        expectError(IDuplexChannel.NonceZero.selector);
        channels.close(params, 0, IDuplexChannel.BalanceProof(0, 0, "root"), absent(), FOREVER);
        vm.stopPrank();
    }

    /// @dev [40] A close that was signed long ago and never mined does not become a lie later.
    function test_zombieClose() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        vm.roll(1011);
        vm.startPrank(alice.account, alice.account);
        expectError(IDuplexChannel.Expired.selector, 1011, 1010);
        channels.close(params, 20, none(), absent(), 1010);
        expectError(IDuplexChannel.Expired.selector, 1011, 1010);
        channels.recover(params, 1010);
        channels.close(params, 20, none(), absent(), 1011);
        vm.stopPrank();
    }

    /// @dev [41] A channel is closed once; whoever comes second counter-claims.
    function test_secondClose() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        closeBy(alice, params, 20, none());
        uint32 deadline = deadlineOf(params);
        vm.roll(1050);
        Participant[2] memory both = [alice, bob];
        for (uint256 i = 0; i < 2; ++i) {
            vm.startPrank(both[i].account, both[i].account);
            expectError(IDuplexChannel.NotOpen.selector, uint256(idOf(params)), deadline);
            channels.close(params, 20, none(), absent(), FOREVER);
            expectError(IDuplexChannel.NotOpen.selector, uint256(idOf(params)), deadline);
            channels.recover(params, FOREVER);
            vm.stopPrank();
        }
        assertEq(deadlineOf(params), 1100, "the deadline stays");
    }

    /// @dev [42] "I lost my data": no declaration, three times the period, no penalty.
    function test_recover() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        vm.expectEmit(address(channels));
        emit IDuplexChannel.Recovered(idOf(params), true, 1300);
        vm.prank(bob.account);
        channels.recover(params, FOREVER);
        expectChannel(params, 1300, 1 | 2 | 4);

        vm.roll(1300);
        counterClaimBy(alice, params, proofOf(9, 30));
        vm.roll(1300 + WINDOW / 2);
        expectError(IDuplexChannel.NotFinal.selector, block.number, 1300 + WINDOW / 2 + 1);
        channels.settle(params, "", "");
        vm.roll(1300 + WINDOW / 2 + 1);
        settleExpecting(params, "", "", 130, 20);
    }

    function test_recoverByA() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        vm.prank(alice.account);
        channels.recover(params, FOREVER);
        expectChannel(params, 1300, 1 | 4);
        raiseFloorOf(alice, params, proofOf(1, 99));
        assertPosted(params, false, Posted(0, 0, 99, 0, 0));
        vm.roll(1301);
        settleExpecting(params, "", "", 1, 149);
    }

    /// @dev [43] A root is 0 or it stands for a list; there is no other amount of locks to contradict it.
    function test_rootSaysWhetherThereAreLocks() external {
        IDuplexChannel.Params memory params = openWith(100, 50);
        bytes memory locks = pack(Lock(1, 5, 1050, "preimage"));
        closeBy(alice, params, 0, proofOf(3, 12, locks));
        assertPosted(params, true, Posted(3, 12, 0, 0, keccak256(locks)));
        counterClaimBy(alice, params, proofOf(4, 12));
        assertPosted(params, true, Posted(4, 12, 0, 0, 0));
        counterClaimBy(alice, params, proofOf(5, 12, locks));
        assertPosted(params, true, Posted(5, 12, 0, 0, keccak256(locks)));
        rollPastFinal(params);
        settleExpecting(params, "", locks, 112, 38);
    }

    /// @dev The declaration, the floor and the proof of a closer's direction share a word; in every order of events each
    /// is what was said.
    function testFuzz_declarationStaysWhatItWas(uint96 declared, uint96[4] memory figures, uint8 kinds, bool byB)
        external
    {
        declared = uint96(bound(declared, 0, 1e12));
        IDuplexChannel.Params memory params = openWith(100, 50);
        (Participant memory closer, Participant memory partner) = byB ? (bob, alice) : (alice, bob);
        closeBy(closer, params, declared, none());
        Posted memory expected = Posted(0, 0, declared, declared, 0);
        for (uint256 i = 0; i < figures.length; ++i) {
            uint96 figure = uint96(bound(figures[i], 0, 1e12));
            if ((kinds >> i) & 1 == 0) {
                expected.nonce += 1;
                expected.transferred = figure;
                counterClaimBy(partner, params, proofOf(expected.nonce, figure));
            } else if (expected.floor < figure) {
                expected.floor = figure;
                raiseFloorOf(closer, params, proofOf(77, figure));
            }
            assertPosted(params, byB, expected);
        }
        rollPastFinal(params);
        channels.settle(params, "", "");
        assertEnded(params);
    }
}
