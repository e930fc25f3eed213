// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev What is stored of a channel, in one word: netA i96 | netB i96 | deadline u32 | sequence u16 | flags u16, from the
/// top. A net is deposits less withdrawals and may be negative. Zero = there is no such channel.
type Channel is uint256;

using ChannelWord for Channel global;

/// @dev A side of a channel, and the direction that it writes.
uint256 constant A = 0;
uint256 constant B = 1;

/// @dev Reads and edits the word. Editing returns a new one; nothing here touches storage.
library ChannelWord {
    uint256 internal constant EXISTS = 1;
    uint256 internal constant CLOSED_BY_B = 2;
    uint256 internal constant RECOVERED = 4;
    uint256 internal constant CONTESTED = 8;
    uint256 private constant POSTED_A = 16;

    uint256 private constant SEQUENCE_AT = 16;
    uint256 private constant DEADLINE_AT = 32;
    uint256 private constant NET_B_AT = 64;
    uint256 private constant NET_A_AT = 160;
    uint256 private constant NET_MASK = type(uint96).max;

    /// @dev A new channel. `net`, A's, must fit into an int96.
    function opened(int256 net) internal pure returns (Channel) {
        return Channel.wrap(uint256(net) << NET_A_AT | EXISTS);
    }

    function isNone(Channel self) internal pure returns (bool) {
        return Channel.unwrap(self) == 0;
    }

    function netA(Channel self) internal pure returns (int256) {
        return int256(Channel.unwrap(self)) >> NET_A_AT;
    }

    function netB(Channel self) internal pure returns (int256) {
        return int256(Channel.unwrap(self) << 96) >> NET_A_AT;
    }

    /// @dev All that the channel holds; never negative.
    function total(Channel self) internal pure returns (int256) {
        unchecked {
            return self.netA() + self.netB();
        }
    }

    /// @dev `net` must fit into an int96.
    function withNetA(Channel self, int256 net) internal pure returns (Channel) {
        uint256 rest = Channel.unwrap(self) & ~(NET_MASK << NET_A_AT);
        return Channel.wrap(rest | uint256(net) << NET_A_AT);
    }

    /// @dev `net` must fit into an int96.
    function withNetB(Channel self, int256 net) internal pure returns (Channel) {
        uint256 rest = Channel.unwrap(self) & ~(NET_MASK << NET_B_AT);
        return Channel.wrap(rest | (uint256(net) & NET_MASK) << NET_B_AT);
    }

    /// @dev The last height at which anything may be posted without an ack; 0 while open.
    function deadline(Channel self) internal pure returns (uint256) {
        return uint32(Channel.unwrap(self) >> DEADLINE_AT);
    }

    /// @dev The last height at which anything may be posted.
    function lastHeight(Channel self, uint256 window) internal pure returns (uint256) {
        unchecked {
            return self.has(CONTESTED) ? self.deadline() + window / 2 : self.deadline();
        }
    }

    function closed(Channel self, uint256 deadline_, uint256 closer_) internal pure returns (Channel) {
        return Channel.wrap(Channel.unwrap(self) | deadline_ << DEADLINE_AT | closer_ * CLOSED_BY_B);
    }

    function closer(Channel self) internal pure returns (uint256) {
        return self.has(CLOSED_BY_B) ? B : A;
    }

    function sequence(Channel self) internal pure returns (uint16) {
        return uint16(Channel.unwrap(self) >> SEQUENCE_AT);
    }

    /// @dev The last sequence must not be used up, or it would run into the deadline.
    function withNextSequence(Channel self) internal pure returns (Channel) {
        assert(self.sequence() != type(uint16).max);
        unchecked {
            return Channel.wrap(Channel.unwrap(self) + (1 << SEQUENCE_AT));
        }
    }

    function flags(Channel self) internal pure returns (uint16) {
        return uint16(Channel.unwrap(self));
    }

    function has(Channel self, uint256 flag) internal pure returns (bool) {
        return Channel.unwrap(self) & flag != 0;
    }

    function with(Channel self, uint256 flag) internal pure returns (Channel) {
        return Channel.wrap(Channel.unwrap(self) | flag);
    }

    /// @dev The flag that says: the direction of this side has a word of its own.
    function postedBy(uint256 sender) internal pure returns (uint256) {
        return POSTED_A << sender;
    }
}
