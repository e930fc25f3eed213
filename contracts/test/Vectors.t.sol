// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDuplexChannel} from "../src/IDuplexChannel.sol";
import {Locks} from "../src/Locks.sol";
import {Settlement} from "../src/Settlement.sol";
import {Signatures} from "../src/Signatures.sol";
import {TypedData} from "../src/TypedData.sol";
import {ChannelTest} from "./support/ChannelTest.sol";
import {vm, Vm} from "./support/Vm.sol";

/// @dev The libraries behind external functions, because they read call data.
contract Probe {
    function structHash(bytes32 channelId, IDuplexChannel.BalanceProof calldata proof) external pure returns (bytes32) {
        return TypedData.balanceProof(channelId, proof);
    }

    function check(IDuplexChannel.Sig calldata sig, address account, bytes32 digest) external pure returns (bool) {
        return Signatures.account(sig) == account && Signatures.signed(sig, digest);
    }

    function requireRoot(bytes calldata locks, bytes32 root) external pure {
        Locks.requireRoot(locks, root, false);
    }
}

/// @dev docs/spec/vectors: what the Rust core says, the contract says too.
contract VectorsTest is ChannelTest {
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
    function test_settlements() external {
        load("settlements");
        uint256 n;
        for (; rowAt("", n); ++n) {
            uint256 total = uint256(signedNumber(".netA") + signedNumber(".netB"));
            uint256 owedByA = Settlement.max(number(".floorA"), number(".transferredA") + number(".unlockedA"));
            uint256 owedByB = Settlement.max(number(".floorB"), number(".transferredB") + number(".unlockedB"));
            (uint256 payA, uint256 payB) = Settlement.split(signedNumber(".netA"), total, owedByA, owedByB);
            bool byB = flag(".closedByB");
            uint256 shown = byB
                ? Settlement.max(number(".transferredB"), number(".floorB"))
                : Settlement.max(number(".transferredA"), number(".floorA"));
            uint256 penalty = flag(".recovered")
                ? 0
                : Settlement.penalty(byB ? payB : payA, shown, number(".declared"), number(".penaltyBps"));
            assertEq(penalty, number(".penalty"), row);
            assertEq(byB ? payA + penalty : payA - penalty, number(".payA"), row);
            assertEq(byB ? payB - penalty : payB + penalty, number(".payB"), row);
        }
        assertGe(n, 100, "rows");
    }

    /// @dev The same through the contract: deposits, withdrawal, close, counter-claims, floors, locks, settle.
    function test_settlementsOnChain() external {
        load("settlements");
        for (uint256 n = 0; rowAt("", n); n += n < 20 ? 1 : 5) {
            uint256 state = vm.snapshotState();
            playRow(n);
            vm.revertToState(state);
        }
    }

    function playRow(uint256 n) private {
        int256 netA = signedNumber(".netA");
        int256 netB = signedNumber(".netB");
        vm.deal(alice.account, 1 << 97);
        vm.deal(bob.account, 1 << 97);
        // A negative net is what a withdrawal of received money leaves behind.
        IDuplexChannel.Params memory params = openWith(
            netA < 0 ? 0 : uint96(uint256(netA)), netB < 0 ? 0 : uint96(uint256(netB)), uint16(number(".penaltyBps"))
        );
        if (netA < 0) withdrawAll(params, false, uint96(uint256(-netA)));
        if (netB < 0) withdrawAll(params, true, uint96(uint256(-netB)));

        bool byB = flag(".closedByB");
        (Participant memory closer, Participant memory partner) = byB ? (bob, alice) : (alice, bob);
        (bytes memory locksAB, bytes memory locksBA) = (lockOf(".unlockedA", n), lockOf(".unlockedB", n + 1000));
        IDuplexChannel.BalanceProof memory fromA = proofOf(7, uint96(number(".transferredA")), locksAB);
        IDuplexChannel.BalanceProof memory fromB = proofOf(9, uint96(number(".transferredB")), locksBA);
        IDuplexChannel.BalanceProof memory incoming = byB ? fromA : fromB;
        if (flag(".recovered")) {
            vm.prank(closer.account);
            channels.recover(params, FOREVER);
            counterClaimBy(closer, params, incoming);
        } else {
            closeBy(closer, params, uint96(number(".declared")), incoming);
        }
        // In both orders, because the declaration is kept in different places.
        if (n % 2 == 0) counterClaimBy(partner, params, byB ? fromB : fromA);
        raiseTo(alice, params, ".floorA");
        raiseTo(bob, params, ".floorB");
        if (n % 2 == 1) counterClaimBy(partner, params, byB ? fromB : fromA);

        rollPastFinal(params);
        settleExpecting(params, locksAB, locksBA, number(".payA"), number(".payB"));
    }

    function withdrawAll(IDuplexChannel.Params memory params, bool fromB, uint96 amount) private {
        bytes32 hash = withdrawHash(params, fromB, amount, 0, FOREVER);
        channels.cooperativeWithdraw(params, fromB, amount, FOREVER, sign(alice, hash), sign(bob, hash));
    }

    /// @dev A list of one lock that is opened in time, if there is anything unlocked.
    function lockOf(string memory key, uint256 salt) private returns (bytes memory) {
        uint256 amount = number(key);
        if (amount == 0) return "";
        bytes32 preimage = keccak256(abi.encode("row", salt));
        registerPreimage(preimage);
        return pack(Lock(1, uint96(amount), uint32(block.number + 50), preimage));
    }

    function raiseTo(Participant memory sender, IDuplexChannel.Params memory params, string memory key) private {
        (,, uint96 floor,,) = channels.direction(idOf(params), sender.account == bob.account);
        uint96 wanted = uint96(number(key));
        if (floor < wanted) raiseFloorOf(sender, params, proofOf(1, wanted));
        else assertEq(floor, wanted, "the declaration is the floor");
    }
}
