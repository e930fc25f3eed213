// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDuplexChannel} from "../../src/IDuplexChannel.sol";

/// @dev Takes no money.
contract Refuser {
    receive() external payable {
        revert("no");
    }
}

/// @dev Burns whatever gas it is given.
contract Burner {
    receive() external payable {
        while (true) {}
    }
}

/// @dev Answers a payment with more bytes than anyone wants to read.
contract Chatterer {
    receive() external payable {
        bytes memory chatter = new bytes(100_000);
        revert(string(chatter));
    }
}

/// @dev Spends a fair amount of gas on receipt, as a wallet contract does.
contract Bookkeeper {
    mapping(uint256 => uint256) private book;

    receive() external payable {
        book[block.number] = msg.value;
    }
}

/// @dev Accepts only with much of the gas that it is promised, and gives back the rest when it refuses.
contract Demander {
    receive() external payable {
        require(49_000 <= gasleft(), "not enough");
    }
}

/// @dev Calls back into the contract that pays it, and remembers whether that worked.
contract Reenterer {
    bytes public call;
    bool public tried;
    bool public worked;
    bytes32 public answer;

    function aim(bytes calldata call_) external {
        call = call_;
    }

    receive() external payable {
        tried = true;
        bytes memory result;
        (worked, result) = msg.sender.call(call);
        answer = bytes32(result);
    }
}
