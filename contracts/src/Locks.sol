// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDuplexChannel} from "./IDuplexChannel.sol";
import {Settlement} from "./Settlement.sol";

/// @dev When a payment hash was first opened; 0 = never. A struct, so that its place is computed once.
struct Registration {
    uint256 height;
}

/// @dev The open locks of a direction, as the caller of `settle` passes them: id u64 | amount u96 | expiry u32 |
/// payment hash, 56 bytes each.
library Locks {
    uint256 private constant SIZE = 56;
    uint256 private constant MAX_LENGTH = 64 * SIZE;

    /// @dev The list must be what the posted proof stands for; an empty one will do when it may be lost.
    function requireRoot(bytes calldata locks, bytes32 root, bool mayBeLost) internal pure {
        if (locks.length == 0) {
            if (root != 0 && !mayBeLost) revert IDuplexChannel.LocksMismatch(root, 0);
            return;
        }
        if (locks.length % SIZE != 0 || MAX_LENGTH < locks.length) revert IDuplexChannel.LocksMalformed(locks.length);
        bytes32 given = keccak256(locks);
        if (given != root) revert IDuplexChannel.LocksMismatch(root, given);
    }

    /// @dev The sum of the locks whose preimage was registered in time.
    function paid(bytes calldata locks, uint256 deadline, mapping(bytes32 => Registration) storage registry)
        internal
        view
        returns (uint256 sum)
    {
        // Cannot overflow: at most 64 amounts below 2^96, and every offset is below the list's length.
        unchecked {
            for (uint256 offset = 0; offset < locks.length; offset += SIZE) {
                // Everything but the rest of the payment hash.
                uint256 head = uint256(bytes32(locks[offset:]));
                uint256 height = registry[bytes32(locks[offset + 24:])].height;
                if (height != 0 && height <= Settlement.min(uint32(head >> 64), deadline)) sum += uint96(head >> 96);
            }
        }
    }
}
