// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev Says nothing where it should say "true".
contract SilentToken {
    mapping(address => uint256) public balanceOf;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @dev Can be told to answer something else than "true", to take a fee, to fail, to burn gas, or to call back.
contract MoodyToken {
    enum Mood {
        Fine,
        SaysFalse,
        SaysTwo,
        SaysHalfAWord,
        Reverts,
        Burns
    }

    mapping(address => uint256) public balanceOf;
    Mood public onPull;
    Mood public onPush;
    uint256 public fee;
    address private target;
    bytes private callback;
    bool public calledBack;
    bool public callbackWorked;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function setMoods(Mood pull, Mood push) external {
        (onPull, onPush) = (pull, push);
    }

    function setFee(uint256 fee_) external {
        fee = fee_;
    }

    /// @dev Whom to call during the next transfer, as an ERC-777 would call the participant's hook.
    function setCallback(address target_, bytes calldata call) external {
        (target, callback) = (target_, call);
    }

    function transfer(address to, uint256 amount) external {
        move(msg.sender, to, amount, onPush);
    }

    function transferFrom(address from, address to, uint256 amount) external {
        move(from, to, amount, onPull);
    }

    function move(address from, address to, uint256 amount, Mood mood) private {
        if (mood == Mood.Reverts) revert("moody");
        while (mood == Mood.Burns) {}
        if (mood == Mood.Fine || mood == Mood.SaysTwo) {
            balanceOf[from] -= amount;
            balanceOf[to] += amount - (fee < amount ? fee : amount);
        }
        if (target != address(0)) {
            (address called, bytes memory call) = (target, callback);
            target = address(0);
            calledBack = true;
            (callbackWorked,) = called.call(call);
        }
        if (mood == Mood.SaysHalfAWord) answer(hex"00000001");
        answer(abi.encode(mood == Mood.Fine ? 1 : mood == Mood.SaysTwo ? 2 : 0));
    }

    function answer(bytes memory data) private pure {
        assembly ("memory-safe") {
            return(add(data, 32), mload(data))
        }
    }
}
