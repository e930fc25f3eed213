// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDuplexChannel} from "../src/IDuplexChannel.sol";
import {Settlement} from "../src/Settlement.sol";
import {TypedData} from "../src/TypedData.sol";
import {ChannelTest} from "./support/ChannelTest.sol";
import {Probe} from "./support/Probe.sol";
import {vm} from "./support/Vm.sol";

/// @dev docs/spec/vectors: what the Rust core says, the contract says too.
contract VectorsTest is ChannelTest {
    /// @dev A row of settlements.json.
    struct Row {
        bool closedByB;
        uint96 declared;
        uint96 floorA;
        uint96 floorB;
        string name;
        int96 netA;
        int96 netB;
        uint96 payA;
        uint96 payB;
        uint96 penalty;
        uint16 penaltyBps;
        bool recovered;
        uint96 transferredA;
        uint96 transferredB;
        uint128 unlockedA;
        uint128 unlockedB;
    }

    string private constant ROW = "Row(bool closedByB,uint96 declared,uint96 floorA,uint96 floorB,string name,int96 netA,"
        "int96 netB,uint96 payA,uint96 payB,uint96 penalty,uint16 penaltyBps,bool recovered,uint96 transferredA,"
        "uint96 transferredB,uint128 unlockedA,uint128 unlockedB)";
    string private constant DIRECTORY = "../docs/spec/vectors/";

    Probe private probe = new Probe();
    string private json;
    string private row;

    function load(string memory name) private {
        json = vm.readFile(string.concat(DIRECTORY, name, ".json"));
    }

    /// @dev Looks at the n-th row of a list; false behind its end.
    function rowAt(string memory list, uint256 n) private returns (bool) {
        row = string.concat(list, "[", vm.toString(n), "]");
        return vm.keyExistsJson(json, row);
    }

    function number(string memory key) private view returns (uint256) {
        return vm.parseJsonUint(json, string.concat(row, key));
    }

    function signedNumber(string memory key) private view returns (int256) {
        return vm.parseJsonInt(json, string.concat(row, key));
    }

    function word(string memory key) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, string.concat(row, key));
    }

    function account(string memory key) private view returns (address) {
        return vm.parseJsonAddress(json, string.concat(row, key));
    }

    function flag(string memory key) private view returns (bool) {
        return vm.parseJsonBool(json, string.concat(row, key));
    }

    /// @dev The digest of a struct in the row's domain.
    function digestOf(bytes32 structHash) private view returns (bytes32) {
        return
            TypedData.digest(TypedData.domainSeparator(number(".chainId"), account(".verifyingContract")), structHash);
    }

    /// @dev What these tests deploy is what the rest of the product deploys.
    function test_theCommittedBytesAreTested() external {
        json = vm.readFile("artifacts/DuplexChannel.json");
        bytes memory committed = vm.parseBytes(string.concat("0x", vm.parseJsonString(json, ".bytecode")));
        assertEq(keccak256(vm.getCode("DuplexChannel.sol:DuplexChannel")), keccak256(committed), "npm run artifacts");
    }

    /// @dev Case 13: ids are equal in Rust, in the browser (which runs Rust) and here.
    function test_channelIds() external {
        load("digests");
        uint256 n;
        for (; rowAt(".channels", n); ++n) {
            IDuplexChannel.Params memory params = IDuplexChannel.Params({
                number: uint64(number(".number")),
                accountA: account(".accountA"),
                accountB: account(".accountB"),
                token: account(".token"),
                window: uint32(number(".window")),
                penaltyBps: uint16(number(".penaltyBps"))
            });
            assertEq(idOf(params), word(".channelId"), row);
        }
        assertGe(n, 2, "rows");
    }

    function test_domains() external {
        load("digests");
        uint256 n;
        for (; rowAt(".domains", n); ++n) {
            vm.chainId(number(".chainId"));
            assertEq(
                TypedData.domainSeparator(block.chainid, account(".verifyingContract")), word(".domainSeparator"), row
            );
            assertEq(separator(account(".verifyingContract")), word(".domainSeparator"), row);
        }
        assertGe(n, 2, "rows");
    }

    /// @dev Invariant I18: digests are the same in every language.
    function test_digests() external {
        load("digests");
        uint256 n;
        for (; rowAt(".balanceProofs", n); ++n) {
            IDuplexChannel.BalanceProof memory proof = IDuplexChannel.BalanceProof(
                uint48(number(".nonce")), uint96(number(".transferred")), word(".locksRoot")
            );
            bytes32 hash = probe.structHash(word(".channelId"), proof);
            assertEq(hash, word(".structHash"), row);
            assertEq(digestOf(hash), word(".digest"), row);
        }
        assertGe(n, 2, "proofs");
        for (n = 0; rowAt(".acks", n); ++n) {
            assertEq(digestOf(TypedData.ack(word(".proofHash"))), word(".digest"), row);
        }
        assertGe(n, 2, "acks");
        for (n = 0; rowAt(".cooperativeCloses", n); ++n) {
            bytes32 hash = TypedData.cooperativeClose(
                word(".channelId"),
                int96(signedNumber(".netToA")),
                uint16(number(".sequence")),
                uint32(number(".validUntil"))
            );
            assertEq(digestOf(hash), word(".digest"), row);
        }
        assertGe(n, 2, "closes");
        for (n = 0; rowAt(".cooperativeWithdraws", n); ++n) {
            bytes32 hash = TypedData.cooperativeWithdraw(
                word(".channelId"),
                flag(".fromB"),
                uint96(number(".amount")),
                uint16(number(".sequence")),
                uint32(number(".validUntil"))
            );
            assertEq(digestOf(hash), word(".digest"), row);
        }
        assertGe(n, 2, "withdrawals");
    }

    /// @dev Case 55 from the other side: what Rust accepts is accepted here, what it refuses is refused.
    function test_signatures() external {
        load("signatures");
        uint256 n;
        for (; rowAt(".signatures", n); ++n) {
            IDuplexChannel.Sig memory sig = IDuplexChannel.Sig(word(".r"), word(".vs"), word(".x"), word(".y"));
            bool valid = probe.check(sig, account(".account"), word(".digest"));
            assertTrue(valid == flag(".valid"), row);
        }
        assertGe(n, 10, "rows");
    }

    function test_keys() external {
        load("signatures");
        uint256 n;
        for (; rowAt(".keys", n); ++n) {
            Participant memory p = participant(uint256(word(".secretKey")));
            assertEq(p.account, account(".account"), row);
            assertEq(p.wallet.addr, account(".ecRecoveryAddress"), row);
        }
        assertGe(n, 2, "rows");
    }

    function test_locks() external {
        load("locks");
        uint256 n;
        for (; rowAt(".lists", n); ++n) {
            bytes memory packed = vm.parseJsonBytes(json, string.concat(row, ".packed"));
            probe.requireRoot(packed, word(".locksRoot"));
            string memory list = row;
            bytes memory rebuilt;
            for (uint256 m = 0; rowAt(string.concat(list, ".locks"), m); ++m) {
                rebuilt = abi.encodePacked(
                    rebuilt,
                    uint64(number(".id")),
                    uint96(number(".amount")),
                    uint32(number(".expiry")),
                    word(".paymentHash")
                );
            }
            assertEq(keccak256(rebuilt), keccak256(packed), list);
        }
        assertGe(n, 3, "rows");
        for (n = 0; rowAt(".preimages", n); ++n) {
            registerPreimage(word(".preimage"));
            assertEq(channels.preimageBlock(word(".paymentHash")), block.number, row);
        }
        assertGe(n, 2, "preimages");
    }

    /// @dev The arithmetic alone.
    function test_settlements() external view {
        Row[] memory rows = settlements();
        for (uint256 i = 0; i < rows.length; ++i) {
            Row memory r = rows[i];
            int256 netA = r.netA;
            (uint256 payA, uint256 payB) = Settlement.split(
                netA,
                uint256(netA + r.netB),
                owed(r.floorA, r.transferredA, r.unlockedA),
                owed(r.floorB, r.transferredB, r.unlockedB)
            );
            uint256 penalty = penaltyOf(r, r.closedByB ? payB : payA);
            assertEq(penalty, r.penalty, r.name);
            assertEq(r.closedByB ? payA + penalty : payA - penalty, r.payA, r.name);
            assertEq(r.closedByB ? payB - penalty : payB + penalty, r.payB, r.name);
        }
    }

    function owed(uint256 floor, uint256 sent, uint256 unlocked) private pure returns (uint256) {
        return Settlement.max(floor, sent + unlocked);
    }

    function penaltyOf(Row memory r, uint256 pay) private pure returns (uint256) {
        if (r.recovered) return 0;
        uint256 shown = r.closedByB ? owed(r.floorB, r.transferredB, 0) : owed(r.floorA, r.transferredA, 0);
        return Settlement.penalty(pay, shown, r.declared, r.penaltyBps);
    }

    /// @dev The same through the contract: deposits, withdrawal, close, counter-claims, floors, locks, settle.
    function test_settlementsOnChain() external {
        Row[] memory rows = settlements();
        for (uint256 i = 0; i < rows.length; ++i) {
            uint256 state = vm.snapshotState();
            play(rows[i], i);
            vm.revertToState(state);
        }
    }

    function settlements() private view returns (Row[] memory rows) {
        string memory file = vm.readFile(string.concat(DIRECTORY, "settlements.json"));
        rows = abi.decode(vm.parseJsonTypeArray(file, "$", ROW), (Row[]));
        assertGe(rows.length, 100, "rows");
    }

    function play(Row memory r, uint256 n) private {
        vm.deal(alice.account, 1 << 97);
        vm.deal(bob.account, 1 << 97);
        IDuplexChannel.Params memory params = openRow(r.netA, r.netB, r.penaltyBps);
        (Participant memory closer, Participant memory partner) = r.closedByB ? (bob, alice) : (alice, bob);
        bytes memory locksAB = lockOf(r.unlockedA, n);
        bytes memory locksBA = lockOf(r.unlockedB, n + 1000);
        IDuplexChannel.BalanceProof memory incoming = proofOf(7, r.transferredA, locksAB);
        IDuplexChannel.BalanceProof memory outgoing = proofOf(9, r.transferredB, locksBA);
        if (!r.closedByB) (incoming, outgoing) = (outgoing, incoming);
        if (r.recovered) {
            vm.prank(closer.account);
            channels.recover(params, FOREVER);
            counterClaimBy(closer, params, incoming);
        } else {
            closeBy(closer, params, r.declared, incoming);
        }
        // In both orders, because the declaration is kept in different places.
        if (n % 2 == 0) counterClaimBy(partner, params, outgoing);
        raiseTo(alice, params, r.floorA);
        raiseTo(bob, params, r.floorB);
        if (n % 2 == 1) counterClaimBy(partner, params, outgoing);

        rollPastFinal(params);
        settleExpecting(params, locksAB, locksBA, r.payA, r.payB);
    }

    /// @dev A net below zero is what a withdrawal of received money leaves behind.
    function openRow(int256 netA, int256 netB, uint16 penaltyBps)
        private
        returns (IDuplexChannel.Params memory params)
    {
        params = openWith(netA < 0 ? 0 : uint96(uint256(netA)), netB < 0 ? 0 : uint96(uint256(netB)), penaltyBps);
        if (netA < 0) withdrawAll(params, false, uint96(uint256(-netA)));
        if (netB < 0) withdrawAll(params, true, uint96(uint256(-netB)));
    }

    function withdrawAll(IDuplexChannel.Params memory params, bool fromB, uint96 amount) private {
        bytes32 hash = withdrawHash(params, fromB, amount, 0, FOREVER);
        channels.cooperativeWithdraw(params, fromB, amount, FOREVER, sign(alice, hash), sign(bob, hash));
    }

    /// @dev Locks that are opened in time, if there is anything unlocked: one, or for absurd sums up to 64 of the largest.
    function lockOf(uint256 amount, uint256 salt) private returns (bytes memory) {
        if (amount == 0) return "";
        bytes32 preimage = keccak256(abi.encode("row", salt));
        registerPreimage(preimage);
        uint256 count = Settlement.min(64, 1 + amount / type(uint96).max);
        Lock[] memory locks = new Lock[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 share = Settlement.min(amount, type(uint96).max);
            locks[i] = Lock(uint64(i + 1), uint96(share), uint32(block.number + 50), preimage);
            amount -= share;
        }
        return pack(locks);
    }

    function raiseTo(Participant memory sender, IDuplexChannel.Params memory params, uint96 wanted) private {
        uint96 floor = postedOf(params, sender.account == bob.account).floor;
        if (floor < wanted) raiseFloorOf(sender, params, proofOf(1, wanted));
        else assertEq(floor, wanted, "the declaration is the floor");
    }
}
