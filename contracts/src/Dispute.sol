// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {A, B, Channel, ChannelWord} from "./Channel.sol";
import {Direction, DirectionWord} from "./Direction.sol";
import {IDuplexChannel} from "./IDuplexChannel.sol";

/// @dev What is posted while a channel is closed. Index = the sender's side. Most words are never written.
struct Dispute {
    Direction[2] directions;
    bytes32[2] locksRoots;
    uint96 declared;
}

using DisputeStorage for Dispute global;

/// @dev Reads and writes what is posted. The channel's flags say which directions have a word.
library DisputeStorage {
    /// @dev What is posted for the direction of `sender`. The flag spares a look at a word that does not exist.
    function posted(Dispute storage self, Channel chan, uint256 sender) internal view returns (Direction) {
        return chan.has(ChannelWord.postedBy(sender)) ? self.directions[sender] : Direction.wrap(0);
    }

    /// @dev The root of the posted proof of `sender`.
    function locksRoot(Dispute storage self, Direction posted_, uint256 sender) internal view returns (bytes32) {
        return posted_.has(DirectionWord.HAS_LOCKS) ? self.locksRoots[sender] : bytes32(0);
    }

    /// @dev What the closer declared. `posted_` is its direction.
    function declaredIn(Dispute storage self, Direction posted_) internal view returns (uint96) {
        return posted_.has(DirectionWord.DECLARED_APART) ? self.declared : posted_.declared();
    }

    /// @dev Writes the closer's declaration into its direction, where nothing is yet; the caller sets the flag.
    function declare(Dispute storage self, uint256 closer, uint96 declared) internal {
        self.directions[closer] = DirectionWord.declaring(declared);
    }

    /// @dev Puts a newer proof in place of what is posted; the caller sets the flag.
    function post(Dispute storage self, Direction posted_, uint256 sender, IDuplexChannel.BalanceProof calldata proof)
        internal
    {
        if (proof.nonce <= posted_.nonce()) revert IDuplexChannel.Stale(posted_.nonce(), proof.nonce);

        bool hasLocks = proof.locksRoot != 0;
        if (hasLocks || posted_.has(DirectionWord.HAS_LOCKS)) self.locksRoots[sender] = proof.locksRoot;
        // The declaration stood in the place of `transferred`; if it is the floor as well, it can still be found there.
        if (posted_.nonce() == 0 && posted_.floor() != posted_.declared()) posted_ = setApart(self, posted_);
        self.directions[sender] = posted_.withProof(proof.nonce, proof.transferred, hasLocks);
    }

    /// @dev Raises the floor; the caller sets the flag.
    function raise(Dispute storage self, Direction posted_, uint256 sender, uint96 floor) internal {
        if (floor <= posted_.floor()) revert IDuplexChannel.FloorNotRaised(posted_.floor(), floor);

        if (posted_.nonce() != 0) posted_ = setApart(self, posted_);
        self.directions[sender] = posted_.withFloor(floor);
    }

    /// @dev Every word goes back to zero.
    function clear(Dispute storage self, Channel chan) internal {
        clear(self, chan, A);
        clear(self, chan, B);
    }

    function clear(Dispute storage self, Channel chan, uint256 sender) private {
        Direction posted_ = posted(self, chan, sender);
        if (Direction.unwrap(posted_) == 0) return;
        if (posted_.has(DirectionWord.HAS_LOCKS)) delete self.locksRoots[sender];
        if (posted_.has(DirectionWord.DECLARED_APART) && self.declared != 0) delete self.declared;
        self.directions[sender] = Direction.wrap(0);
    }

    /// @dev Gives the declaration a word of its own, before what stands for it is overwritten. Directions without a
    /// declaration pass here too and write nothing.
    function setApart(Dispute storage self, Direction posted_) private returns (Direction) {
        if (posted_.has(DirectionWord.DECLARED_APART)) return posted_;
        uint96 declared = posted_.declared();
        if (declared != 0) self.declared = declared;
        return posted_.with(DirectionWord.DECLARED_APART);
    }
}
