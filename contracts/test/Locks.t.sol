// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDuplexChannel} from "../src/IDuplexChannel.sol";
import {ChannelTest} from "./support/ChannelTest.sol";
import {vm} from "./support/Vm.sol";

/// @dev The preimage registry, and locks at `settle`.
contract LocksTest is ChannelTest {
    function hashOf(bytes32 preimage) private pure returns (bytes32) {
        return sha256(abi.encodePacked(preimage));
    }

    /// @dev `count` locks of amounts 1, 2, 3, …
    function listOf(uint256 count, uint32 expiry) private pure returns (Lock[] memory locks) {
        locks = new Lock[](count);
        for (uint256 i = 0; i < count; ++i) {
            locks[i] = Lock(uint64(i + 1), uint96(i + 1), expiry, keccak256(abi.encode(i)));
        }
    }

    /// @dev A channel whose direction from Alice ends with these locks, posted by Bob, without penalty.
    function closedWith(bytes memory locks) private returns (IDuplexChannel.Params memory params) {
        params = openWith(1000, 0, 0);
        closeBy(bob, params, 0, proofOf(1, 0, locks));
    }

    // ------------------------------------------------------------------------------------------------ registry

    /// @dev [70] The first registration stays.
    function test_registeredOnce() external {
        vm.expectEmit(address(channels));
        emit IDuplexChannel.PreimageRegistered("preimage");
        registerPreimage("preimage");
        assertEq(channels.preimageBlock(hashOf("preimage")), 1000, "height");
        vm.roll(1001);
        vm.recordLogs();
        registerPreimage("preimage");
        assertEq(vm.getRecordedLogs().length, 0, "no event");
        assertEq(channels.preimageBlock(hashOf("preimage")), 1000, "height stays");
        assertEq(channels.preimageBlock(hashOf("other")), 0, "never");
    }

    /// @dev [81] A zero preimage is one like any other: its hash is public, and who locks money to it gives it away.
    function test_zeroPreimage() external {
        registerPreimage(0);
        assertEq(channels.preimageBlock(hashOf(0)), 1000, "height");
    }

    /// @dev [82] A batch with duplicates and known ones goes through: nobody can spoil it by registering one before.
    function test_batch() external {
        registerPreimage("known");
        vm.roll(1001);
        bytes32[] memory batch = new bytes32[](4);
        (batch[0], batch[1], batch[2], batch[3]) = ("new", "known", "new", "other");
        vm.recordLogs();
        channels.registerPreimages(batch);
        assertEq(vm.getRecordedLogs().length, 2, "events");
        assertEq(channels.preimageBlock(hashOf("new")), 1001, "new");
        assertEq(channels.preimageBlock(hashOf("known")), 1000, "known");
        assertEq(channels.preimageBlock(hashOf("other")), 1001, "other");
        channels.registerPreimages(new bytes32[](0));
    }

    function testFuzz_everyPreimageOfABatch(bytes32[] memory preimages) external {
        channels.registerPreimages(preimages);
        for (uint256 i = 0; i < preimages.length; ++i) {
            assertEq(channels.preimageBlock(hashOf(preimages[i])), block.number, "height");
        }
    }

    /// @dev A list that is not where every encoder puts it registers nothing wrong: what is recorded was shown.
    function test_oddEncoding() external {
        bytes memory odd = abi.encodePacked(
            channels.registerPreimages.selector, uint256(64), uint256(1), uint256(1), bytes32("shown")
        );
        (bool ok,) = address(channels).call(odd);
        assertTrue(ok, "accepted");
        assertEq(channels.preimageBlock(hashOf("not shown")), 0, "not shown");
        (ok,) = address(channels)
            .call(abi.encodePacked(channels.registerPreimages.selector, uint256(32), uint256(2), bytes32("cut off")));
        assertTrue(!ok, "a truncated list is refused");
    }

    // -------------------------------------------------------------------------------------------- which are paid

    /// @dev [71] Registered at the expiry is in time, one block later is not; the same at the deadline.
    function test_expiryAndDeadlineAreTheLastBlocks() external {
        expectPaid(1049, 1050, true);
        expectPaid(1050, 1050, true);
        expectPaid(1051, 1050, false);
        expectPaid(1099, 1500, true);
        expectPaid(1100, 1500, true);
        expectPaid(1101, 1500, false);
        expectPaid(1000, 999, false);
        expectPaid(0, 1050, false);
    }

    function expectPaid(uint256 registeredAt, uint32 expiry, bool paid) private {
        uint256 state = vm.snapshotState();
        bytes memory locks = pack(Lock(1, 30, expiry, "preimage"));
        IDuplexChannel.Params memory params = closedWith(locks);
        assertEq(deadlineOf(params), 1100, "deadline");
        if (registeredAt != 0) {
            vm.roll(registeredAt);
            registerPreimage("preimage");
        }
        vm.roll(1101);
        settleExpecting(params, locks, "", paid ? 970 : 1000, paid ? 30 : 0);
        vm.revertToState(state);
    }

    /// @dev Registered long before the channel was even opened.
    function test_registeredLongBefore() external {
        vm.roll(5);
        registerPreimage("preimage");
        vm.roll(1000);
        bytes memory locks = pack(Lock(1, 30, 1050, "preimage"));
        IDuplexChannel.Params memory params = closedWith(locks);
        vm.roll(1101);
        settleExpecting(params, locks, "", 970, 30);
    }

    /// @dev The refute phase is not more time to open a lock.
    function test_refutePhaseOpensNothing() external {
        IDuplexChannel.Params memory params = openWith(1000, 0, 0);
        bytes memory locks = pack(Lock(1, 30, 1500, "preimage"));
        closeBy(alice, params, 0, none());
        counterClaimBy(bob, params, proofOf(1, 0, locks));
        vm.roll(1101);
        registerPreimage("preimage");
        vm.roll(1151);
        settleExpecting(params, locks, "", 1000, 0);
    }

    /// @dev [72] A lock that nobody opened goes back when the period is over, not before: there is no way to ask earlier.
    /// [73] Any set of opened locks pays exactly its sum.
    function testFuzz_openedLocksArePaid(uint64 opened, uint8 count) external {
        count = uint8(bound(count, 1, 64));
        Lock[] memory list = listOf(count, 1050);
        uint256 sum;
        for (uint256 i = 0; i < count; ++i) {
            if ((opened >> i) & 1 == 0) continue;
            registerPreimage(list[i].preimage);
            sum += list[i].amount;
        }
        bytes memory locks = pack(list);
        IDuplexChannel.Params memory params = openWith(5000, 0, 0);
        closeBy(bob, params, 0, proofOf(1, 100, locks));
        vm.roll(1101);
        settleExpecting(params, locks, "", 4900 - sum, 100 + sum);
    }

    /// @dev [75] The same hash twice is two locks, and one preimage opens both.
    function test_sameHashTwice() external {
        Lock[] memory list = new Lock[](2);
        list[0] = Lock(1, 30, 1050, "preimage");
        list[1] = Lock(2, 12, 1040, "preimage");
        bytes memory locks = pack(list);
        IDuplexChannel.Params memory params = closedWith(locks);
        vm.roll(1040);
        registerPreimage("preimage");
        vm.roll(1101);
        settleExpecting(params, locks, "", 958, 42);
    }

    /// @dev [76] Both directions at once.
    function test_bothDirections() external {
        bytes memory locksAB = pack(listOf(3, 1050));
        bytes memory locksBA = pack(Lock(1, 20, 1060, "back"));
        IDuplexChannel.Params memory params = openWith(100, 50, 0);
        closeBy(alice, params, 0, proofOf(1, 10, locksBA));
        counterClaimBy(bob, params, proofOf(1, 5, locksAB));
        registerPreimage("back");
        registerPreimage(listOf(3, 0)[1].preimage);
        rollPastFinal(params);
        settleExpecting(params, locksAB, locksBA, 100 + 10 + 20 - 5 - 2, 50 - 10 - 20 + 5 + 2);
    }

    /// @dev [62] An old proof with large locks, which were resolved in the meantime, takes nothing from the honest:
    /// what it does not say, the floor says.
    function test_oldProofWithLargeLocks() external {
        bytes memory old = pack(Lock(1, 90, 1050, "settled since"));
        IDuplexChannel.Params memory params = openWith(100, 50, 0);
        closeBy(bob, params, 0, proofOf(3, 0, old));
        raiseFloorOf(alice, params, proofOf(9, 95));
        rollPastFinal(params);
        settleExpecting(params, old, "", 5, 145);
    }

    /// @dev [63] [77] Raiden's formulas pay 30 and 6 here, because they charge the overdraft of an old state to its victim.
    /// Deposits 21 and 64; newest: H has sent 15, M has sent 26 with 49 locked; M posts H's old state with 9 sent and
    /// locks of 6 opened and 6 expired. H is to get 21 − 15 + 26 = 32.
    function test_raidensTruncationCase() external {
        Lock[] memory old = new Lock[](2);
        old[0] = Lock(1, 6, 1050, "opened");
        old[1] = Lock(2, 6, 1050, "expired");
        bytes memory locksAB = pack(old);
        bytes memory locksBA = pack(Lock(1, 49, 1050, "pending"));
        registerPreimage("opened");
        IDuplexChannel.Params memory params = openWith(21, 64);
        closeBy(alice, params, 15, proofOf(8, 26, locksBA));
        counterClaimBy(bob, params, proofOf(3, 9, locksAB));
        rollPastFinal(params);
        // Of M's 53, 49 were locked for H and never opened.
        settleExpecting(params, locksAB, locksBA, 32, 4 + 49);
    }

    // --------------------------------------------------------------------------------------------------- the list

    /// @dev [74] Only the very list: not another order, not a shorter or longer one, not none.
    function test_wrongLists() external {
        Lock[] memory list = listOf(3, 1050);
        bytes memory locks = pack(list);
        IDuplexChannel.Params memory params = closedWith(locks);
        vm.roll(1101);
        (list[0], list[1]) = (list[1], list[0]);
        bytes memory permuted = pack(list);
        bytes memory shorter = pack(listOf(2, 1050));
        bytes memory longer = pack(listOf(4, 1050));
        expectError(IDuplexChannel.LocksMismatch.selector, uint256(keccak256(locks)), uint256(keccak256(permuted)));
        channels.settle(params, permuted, "");
        expectError(IDuplexChannel.LocksMismatch.selector, uint256(keccak256(locks)), uint256(keccak256(shorter)));
        channels.settle(params, shorter, "");
        expectError(IDuplexChannel.LocksMismatch.selector, uint256(keccak256(locks)), uint256(keccak256(longer)));
        channels.settle(params, longer, "");
        expectError(IDuplexChannel.LocksMismatch.selector, uint256(keccak256(locks)), 0);
        channels.settle(params, "", "");
        expectError(IDuplexChannel.LocksMismatch.selector, 0, uint256(keccak256(locks)));
        channels.settle(params, locks, locks);
        settleExpecting(params, locks, "", 1000, 0);
    }

    /// @dev A list is whole locks, 64 at most.
    function test_malformedLists() external {
        bytes memory cut = abi.encodePacked(pack(listOf(1, 1050)), hex"00");
        IDuplexChannel.Params memory params = closedWith(cut);
        vm.roll(1101);
        vm.expectRevert(abi.encodeWithSelector(IDuplexChannel.LocksMalformed.selector, 57));
        channels.settle(params, cut, "");

        bytes memory many = pack(listOf(65, 1050));
        vm.roll(1000);
        params = closedWith(many);
        vm.roll(1101);
        vm.expectRevert(abi.encodeWithSelector(IDuplexChannel.LocksMalformed.selector, 65 * 56));
        channels.settle(params, many, "");
    }

    /// @dev [78] A lost list holds up nobody for ever: a window after settling became possible, none will do. Not before.
    function test_lostList() external {
        registerPreimage("preimage");
        for (uint256 contested = 0; contested < 2; ++contested) {
            vm.roll(1000);
            bytes memory locks = pack(Lock(1, 30, 1050, "preimage"));
            IDuplexChannel.Params memory params = openWith(1000, 0, 0);
            closeBy(alice, params, 0, none());
            if (contested == 1) counterClaimBy(bob, params, proofOf(1, 10, locks));
            else raiseFloorOf(alice, params, proofOf(1, 10));
            uint256 settleableAt = contested == 1 ? 1151 : 1101;
            vm.roll(settleableAt + WINDOW - 1);
            if (contested == 1) {
                expectError(IDuplexChannel.LocksMismatch.selector, uint256(keccak256(locks)), 0);
                channels.settle(params, "", "");
                // A wrong list will never do.
                vm.roll(settleableAt + WINDOW);
                bytes memory wrong = pack(Lock(1, 31, 1050, "preimage"));
                expectError(IDuplexChannel.LocksMismatch.selector, uint256(keccak256(locks)), uint256(keccak256(wrong)));
                channels.settle(params, wrong, "");
                uint256 state = vm.snapshotState();
                settleExpecting(params, locks, "", 960, 40);
                vm.revertToState(state);
            }
            settleExpecting(params, "", "", 990, 10);
        }
    }

    /// @dev [79] The longest lists fit into a transaction: 2 × 64 locks.
    function test_longestListsGas() external {
        bytes memory locks = pack(listOf(64, 1050));
        IDuplexChannel.Params memory params = openWith(10_000, 10_000, 0);
        for (uint256 i = 0; i < 64; ++i) {
            registerPreimage(listOf(64, 0)[i].preimage);
        }
        closeBy(alice, params, 0, proofOf(1, 0, locks));
        counterClaimBy(bob, params, proofOf(1, 0, locks));
        rollPastFinal(params);
        uint256 before = gasleft();
        settleExpecting(params, locks, locks, 10_000, 10_000);
        assertLe(before - gasleft(), 700_000, "gas");
    }
}
