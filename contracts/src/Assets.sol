// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDuplexChannel} from "./IDuplexChannel.sol";

/// @dev What a QRC20 must answer. Some return nothing where they should say "true".
interface IQRC20 {
    function balanceOf(address account) external view returns (uint256);
    function transfer(address to, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
}

/// @dev QTUM and QRC20 alike: the zero address is QTUM.
library Assets {
    /// @dev Enough for any account that does something sensible on receipt, too little to do harm.
    uint256 internal constant QTUM_GAS = 50_000;
    uint256 internal constant QRC20_GAS = 200_000;

    /// @dev Says whether it worked instead of reverting: a recipient must not stop its partner. Gas is bounded, and a
    /// failure counts only if the bound was the reason, not a caller that brought too little.
    function tryPay(address token, address to, uint256 amount) internal returns (bool ok) {
        uint256 gas = token == address(0) ? QTUM_GAS : QRC20_GAS;
        uint256 available = gasleft();
        if (token == address(0)) {
            (ok,) = to.call{value: amount, gas: gas}("");
        } else {
            bytes memory result;
            (ok, result) = token.call{gas: gas}(abi.encodeCall(IQRC20.transfer, (to, amount)));
            ok = ok && saysYes(result);
        }
        // A call gets at most 63/64 of what is left after its own price.
        uint256 needed = gas + gas / 63 + 12_000;
        if (!ok && available < needed) revert IDuplexChannel.GasTooLow(available, needed);
    }

    /// @dev Fetches `amount` from the caller and says what arrived.
    function pull(address token, uint256 amount) internal returns (uint256 arrived) {
        uint256 before = IQRC20(token).balanceOf(address(this));
        (bool ok, bytes memory result) =
            token.call(abi.encodeCall(IQRC20.transferFrom, (msg.sender, address(this), amount)));
        if (!ok || !saysYes(result)) revert IDuplexChannel.TokenRefused(token, amount);
        return IQRC20(token).balanceOf(address(this)) - before;
    }

    /// @dev Nothing counts as yes. Not decoded, because decoding may revert.
    function saysYes(bytes memory result) private pure returns (bool) {
        return result.length == 0 || (32 <= result.length && bytes32(result) == bytes32(uint256(1)));
    }
}
