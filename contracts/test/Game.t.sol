// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDuplexChannel} from "../src/IDuplexChannel.sol";
import {ChannelTest} from "./support/ChannelTest.sol";
import {vm, Vm} from "./support/Vm.sol";

/// @dev Must hold: no honest participant gets less than its newest entitlement if somebody posts in time, whatever its
/// partner and strangers do; and an honest closer pays no penalty.
///
/// A game between Honest, who follows the off-chain rules, and Hostile, who posts whatever it has whenever it likes.
/// Payments, locks and acks at random, then a dispute of random moves to which Honest answers as `watch` would.
contract GameTest is ChannelTest {
    /// @dev A balance proof that one has signed and the other accepted. Locks are indices into `locks`.
    struct Record {
        uint48 nonce;
        uint96 transferred;
        uint256[] locks;
    }

    uint256 private constant HONEST = 0;
    uint256 private constant HOSTILE = 1;

    uint256 private dice;
    Participant[2] private players;
    IDuplexChannel.Params private params;
    int256[2] private nets;
    mapping(uint256 player => Record[]) private records;
    /// @dev The nonce of the newest proof of a player that its partner has acked; 0 = none.
    uint256[2] private acked_;
    Lock[] private locks;
    mapping(uint256 lock => uint256 height) private openedAt;

    function roll(uint256 sides) private returns (uint256) {
        dice = uint256(keccak256(abi.encode(dice)));
        return dice % sides;
    }

    /// forge-config: default.fuzz.runs = 1500
    function testFuzz_honestGetsItsEntitlement(uint256 seed) external {
        dice = seed;
        start();
        for (uint256 i = roll(24); i != 0; --i) {
            pay();
        }
        (bool honestCloses, uint256 deadline) = close();
        dispute(deadline);
        finish(honestCloses, deadline);
    }

    function start() private {
        bool honestIsA = roll(2) == 0;
        players[HONEST] = honestIsA ? alice : bob;
        players[HOSTILE] = honestIsA ? bob : alice;
        (uint96 byA, uint96 byB) = (uint96(roll(1000)), uint96(roll(1000)));
        uint16[4] memory penalties = [uint16(0), 10_000, 3_333, 65_535];
        params = openWith(byA, byB, penalties[roll(4)]);
        (nets[HONEST], nets[HOSTILE]) =
            honestIsA ? (int256(uint256(byA)), int256(uint256(byB))) : (int256(uint256(byB)), int256(uint256(byA)));
        uint256[] memory noLocks = new uint256[](0);
        records[HONEST].push(Record(0, 0, noLocks));
        records[HOSTILE].push(Record(0, 0, noLocks));
    }

    // --------------------------------------------------------------------------------------------- off chain

    function newest(uint256 player) private view returns (Record storage) {
        return records[player][records[player].length - 1];
    }

    function pay() private {
        uint256 player = roll(2);
        Record memory next = newest(player);
        uint256 kind = roll(7);
        if (kind == 0) {
            vm.roll(block.number + 1 + roll(9));
        } else if (kind == 1) {
            acked_[player] = next.nonce;
        } else if (kind == 2 && locks.length != 0) {
            open(roll(locks.length));
        } else if (kind == 3 && next.locks.length != 0) {
            // The preimage became known off chain: the amount moves over.
            uint256 which = roll(next.locks.length);
            next.transferred += locks[next.locks[which]].amount;
            propose(player, next.transferred, without(next.locks, which));
        } else if (kind == 4 && next.locks.length != 0) {
            // It failed or was cancelled: gone, but not forgotten until acked.
            propose(player, next.transferred, without(next.locks, roll(next.locks.length)));
        } else if (kind == 5 && next.locks.length < 4) {
            uint256 lock = locks.length;
            locks.push(
                Lock(
                    uint64(lock + 1),
                    uint96(1 + roll(300)),
                    uint32(block.number + 1 + roll(WINDOW)),
                    keccak256(abi.encode("lock", lock))
                )
            );
            propose(player, next.transferred, with(next.locks, lock));
        } else {
            propose(player, next.transferred + uint96(roll(400)), next.locks);
        }
    }

    /// @dev PROTOCOL §4.2: it is accepted only if the sender can pay for it whatever is posted.
    function propose(uint256 player, uint96 transferred, uint256[] memory open_) private {
        uint256 worst = transferred + unexpired(open_);
        for (uint256 i = acked_[player]; i < records[player].length; ++i) {
            uint256 owed = records[player][i].transferred + unexpired(records[player][i].locks);
            if (worst < owed) worst = owed;
        }
        if (nets[player] + int256(uint256(newest(1 - player).transferred)) < int256(worst)) return;
        records[player].push(Record(newest(player).nonce + 1, transferred, open_));
    }

    function unexpired(uint256[] memory which) private view returns (uint256 sum) {
        for (uint256 i = 0; i < which.length; ++i) {
            if (block.number <= locks[which[i]].expiry) sum += locks[which[i]].amount;
        }
    }

    function with(uint256[] memory list, uint256 item) private pure returns (uint256[] memory longer) {
        longer = new uint256[](list.length + 1);
        for (uint256 i = 0; i < list.length; ++i) {
            longer[i] = list[i];
        }
        longer[list.length] = item;
    }

    function without(uint256[] memory list, uint256 index) private pure returns (uint256[] memory shorter) {
        shorter = new uint256[](list.length - 1);
        for (uint256 i = 0; i < shorter.length; ++i) {
            shorter[i] = list[i < index ? i : i + 1];
        }
    }

    function open(uint256 lock) private {
        registerPreimage(locks[lock].preimage);
        if (openedAt[lock] == 0) openedAt[lock] = block.number;
    }

    // ---------------------------------------------------------------------------------------------- on chain

    function packed(Record memory record) private view returns (bytes memory) {
        Lock[] memory list = new Lock[](record.locks.length);
        for (uint256 i = 0; i < list.length; ++i) {
            list[i] = locks[record.locks[i]];
        }
        return pack(list);
    }

    function proof(Record memory record) private view returns (IDuplexChannel.BalanceProof memory) {
        return proofOf(record.nonce, record.transferred, packed(record));
    }

    /// @dev Honest closes with the truth; Hostile with any of what it has, or without anything.
    function close() private returns (bool honestCloses, uint256 deadline) {
        honestCloses = roll(3) == 0;
        if (honestCloses) {
            closeBy(players[HONEST], params, newest(HONEST).transferred, proof(newest(HOSTILE)));
        } else if (roll(4) == 0) {
            vm.prank(players[HOSTILE].account);
            channels.recover(params, FOREVER);
        } else {
            uint96 declared = records[HOSTILE][roll(records[HOSTILE].length)].transferred;
            if (roll(5) == 0) declared = uint96(roll(2000));
            closeBy(players[HOSTILE], params, declared, proof(records[HONEST][roll(records[HONEST].length)]));
        }
        deadline = deadlineOf(params);
    }

    function dispute(uint256 deadline) private {
        answer(deadline);
        while (block.number <= deadline + WINDOW / 2) {
            for (uint256 i = roll(3); i != 0; --i) {
                attack();
            }
            answer(deadline);
            uint256 step = 1 + roll(60);
            // The last blocks are the dangerous ones.
            bool jumpsOver = block.number < deadline && deadline < block.number + step;
            vm.roll(jumpsOver && roll(2) == 0 ? deadline : block.number + step);
        }
    }

    /// @dev Anything that is callable, with anything that exists; many of these revert.
    function attack() private {
        uint256 player = roll(2);
        Record memory record = records[player][roll(records[player].length)];
        IDuplexChannel.BalanceProof memory posted = proof(record);
        IDuplexChannel.Sig memory sig = signed(players[player], params, posted);
        uint256 kind = roll(5);
        if (kind == 0) {
            if (locks.length != 0) open(roll(locks.length));
        } else if (kind == 1) {
            call(STRANGER, abi.encodeCall(channels.raiseFloor, (params, posted, sig)));
        } else if (kind == 2 && player == HOSTILE) {
            // To itself, whatever it likes; without Honest's ack it must not matter.
            posted = proofOf(uint48(1000 + roll(9)), uint96(roll(9)));
            sig = signed(players[HOSTILE], params, posted);
            IDuplexChannel.Sig memory forged = acked(players[HOSTILE], params, posted);
            call(players[HOSTILE].account, abi.encodeCall(channels.counterClaim, (params, posted, sig, forged)));
        } else if (player == HONEST) {
            // As the recipient, or with its ack.
            IDuplexChannel.Sig memory ack = kind == 3 ? acked(players[HOSTILE], params, posted) : absent();
            call(players[HOSTILE].account, abi.encodeCall(channels.counterClaim, (params, posted, sig, ack)));
        } else if (record.nonce <= acked_[HOSTILE]) {
            // A proof of its own that Honest has acked: an older one at best.
            IDuplexChannel.Sig memory ack = acked(players[HONEST], params, posted);
            call(STRANGER, abi.encodeCall(channels.counterClaim, (params, posted, sig, ack)));
        }
    }

    function call(address caller, bytes memory data) private {
        vm.prank(caller);
        (bool ok,) = address(channels).call(data);
        ok;
    }

    /// @dev PROTOCOL §4.4: post the newest that was received; post the newest acked one when an older one is shown.
    function answer(uint256 deadline) private {
        bool honestIsB = players[HONEST].account == bob.account;
        Record memory received = newest(HOSTILE);
        if (block.number <= deadline && postedOf(params, !honestIsB).nonce < received.nonce) {
            counterClaimBy(players[HONEST], params, proof(received));
        }
        uint48 shown = postedOf(params, honestIsB).nonce;
        uint256 last = deadline + (contested() ? WINDOW / 2 : 0);
        if (shown != 0 && shown < acked_[HONEST] && block.number <= last) {
            counterClaimWithAck(players[HONEST], params, proof(records[HONEST][acked_[HONEST]]));
        }
    }

    function contested() private view returns (bool) {
        (,,,, uint16 flags) = channels.channel(idOf(params));
        return flags & 8 != 0;
    }

    // --------------------------------------------------------------------------------------------- settlement

    function finish(bool honestCloses, uint256 deadline) private {
        // In time, because the list of a posted proof is at hand.
        vm.roll(deadline + WINDOW / 2 + 1);
        bool honestIsB = players[HONEST].account == bob.account;
        bytes memory fromHonest = packed(records[HONEST][postedOf(params, honestIsB).nonce]);
        bytes memory fromHostile = packed(records[HOSTILE][postedOf(params, !honestIsB).nonce]);
        uint256 before = players[HONEST].account.balance;
        uint256 held = address(channels).balance;
        vm.recordLogs();
        if (honestIsB) channels.settle(params, fromHostile, fromHonest);
        else channels.settle(params, fromHonest, fromHostile);

        assertEq(int256(held - address(channels).balance), nets[0] + nets[1], "exactly everything is paid");
        assertEnded(params);
        uint256 penalty = penaltyInLogs();
        if (honestCloses) assertEq(penalty, 0, "an honest closer pays no penalty");
        int256 entitled = nets[HONEST] + int256(owedBy(HOSTILE, records[HOSTILE].length - 1, deadline));
        uint256 worst;
        for (uint256 i = acked_[HONEST]; i < records[HONEST].length; ++i) {
            uint256 owed = owedBy(HONEST, i, deadline);
            if (worst < owed) worst = owed;
        }
        entitled -= int256(worst);
        int256 got = int256(players[HONEST].account.balance - before);
        assertTrue(entitled <= got, "honest gets its entitlement");
    }

    function penaltyInLogs() private returns (uint256 penalty) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IDuplexChannel.Settled.selector) continue;
            (,, penalty) = abi.decode(logs[i].data, (uint96, uint96, uint96));
        }
    }

    /// @dev What a proof is worth now that all heights are known.
    function owedBy(uint256 player, uint256 index, uint256 deadline) private view returns (uint256 sum) {
        Record storage record = records[player][index];
        sum = record.transferred;
        for (uint256 i = 0; i < record.locks.length; ++i) {
            uint256 lock = record.locks[i];
            uint256 last = locks[lock].expiry < deadline ? locks[lock].expiry : deadline;
            if (openedAt[lock] != 0 && openedAt[lock] <= last) sum += locks[lock].amount;
        }
    }
}
