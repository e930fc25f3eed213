// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Settlement} from "./Settlement.sol";

/// @dev What was posted for one direction of a closed channel, in one word: nonce u48 | transferred u96 | floor u96 |
/// marks u16, from the top.
///
/// The declaration of a closer needs no word of its own in most disputes: without a posted proof (nonce 0) it stands in
/// the place of `transferred`; with one it is the floor. Only when the floor has risen as well, it moves apart.
type Direction is uint256;

using DirectionWord for Direction global;

/// @dev Reads and edits the word. Editing returns a new one; nothing here touches storage.
library DirectionWord {
    uint256 internal constant HAS_LOCKS = 1;
    uint256 internal constant DECLARED_APART = 2;

    uint256 private constant FLOOR_AT = 16;
    uint256 private constant TRANSFERRED_AT = 112;
    uint256 private constant NONCE_AT = 208;
    uint256 private constant AMOUNT_MASK = type(uint96).max;

    /// @dev A closer's direction with its declaration, which is a floor as well.
    function declaring(uint96 amount) internal pure returns (Direction) {
        return Direction.wrap(uint256(amount) << TRANSFERRED_AT | uint256(amount) << FLOOR_AT);
    }

    function nonce(Direction self) internal pure returns (uint48) {
        return uint48(Direction.unwrap(self) >> NONCE_AT);
    }

    /// @dev Of the posted proof; or the declaration, if there is none.
    function transferred(Direction self) internal pure returns (uint96) {
        return uint96(Direction.unwrap(self) >> TRANSFERRED_AT);
    }

    function floor(Direction self) internal pure returns (uint96) {
        return uint96(Direction.unwrap(self) >> FLOOR_AT);
    }

    function has(Direction self, uint256 mark) internal pure returns (bool) {
        return Direction.unwrap(self) & mark != 0;
    }

    function with(Direction self, uint256 mark) internal pure returns (Direction) {
        return Direction.wrap(Direction.unwrap(self) | mark);
    }

    /// @dev Another proof; floor and declaration stay.
    function withProof(Direction self, uint48 nonce_, uint96 transferred_, bool hasLocks)
        internal
        pure
        returns (Direction)
    {
        uint256 kept = Direction.unwrap(self) & (AMOUNT_MASK << FLOOR_AT | DECLARED_APART);
        uint256 proof = uint256(nonce_) << NONCE_AT | uint256(transferred_) << TRANSFERRED_AT;
        return Direction.wrap(kept | proof | (hasLocks ? HAS_LOCKS : 0));
    }

    function withFloor(Direction self, uint96 floor_) internal pure returns (Direction) {
        uint256 kept = Direction.unwrap(self) & ~(AMOUNT_MASK << FLOOR_AT);
        return Direction.wrap(kept | uint256(floor_) << FLOOR_AT);
    }

    /// @dev What the sender has sent at least, as far as is known.
    function shown(Direction self) internal pure returns (uint256) {
        return Settlement.max(self.transferred(), self.floor());
    }

    /// @dev The declaration, as long as it does not stand apart.
    function declared(Direction self) internal pure returns (uint96) {
        return self.nonce() == 0 ? self.transferred() : self.floor();
    }
}
