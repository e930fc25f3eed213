// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDuplexChannel} from "./IDuplexChannel.sol";

/// @dev Who signed? A public key has two names: its account (hash160, who one is on Qtum) and its signer (keccak256,
/// what `ecrecover` yields). A signature carries the key, so that both can be proved with precompiles 1, 2 and 3 alone.
library Signatures {
    /// @dev The order of the curve, halved: of s and n − s only the lower one is accepted.
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
    uint256 private constant FIELD = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f;
    uint256 private constant S_MASK = (1 << 255) - 1;

    /// @dev All zero: the place was left empty.
    function isAbsent(IDuplexChannel.Sig calldata sig) internal pure returns (bool) {
        return sig.r | sig.vs | sig.x | sig.y == 0;
    }

    /// @dev The account of the key: ripemd160(sha256(compressed key)).
    function account(IDuplexChannel.Sig calldata sig) internal pure returns (address) {
        bytes1 parity = bytes1(uint8(2 | uint256(sig.y) & 1));
        return address(ripemd160(abi.encodePacked(sha256(abi.encodePacked(parity, sig.x)))));
    }

    /// @dev The signature must be by this account, over `digest`.
    function requireBy(IDuplexChannel.Sig calldata sig, address expected, bytes32 digest) internal pure {
        if (account(sig) != expected || !signed(sig, digest)) revert IDuplexChannel.SignatureInvalid(expected);
    }

    /// @dev Whether the key signed `digest`.
    function signed(IDuplexChannel.Sig calldata sig, bytes32 digest) internal pure returns (bool) {
        uint256 x = uint256(sig.x);
        uint256 y = uint256(sig.y);
        uint256 s = uint256(sig.vs) & S_MASK;
        if (HALF_ORDER < s || !isPoint(x, y)) return false;
        address signer = ecrecover(digest, uint8(27 + (uint256(sig.vs) >> 255)), sig.r, bytes32(s));
        return signer != address(0) && signer == address(uint160(uint256(keccak256(abi.encodePacked(x, y)))));
    }

    /// @dev Whether (x, y) lies on the curve. The account fixes x and the parity of y only: could the rest of y be chosen
    /// freely, it would take 2^80 steps, not 2^160, to find one whose signer is that of a key of one's own.
    function isPoint(uint256 x, uint256 y) internal pure returns (bool) {
        return mulmod(y, y, FIELD) == addmod(mulmod(x, mulmod(x, x, FIELD), FIELD), 7, FIELD);
    }
}
