// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Assets} from "./Assets.sol";
import {IDuplexChannel} from "./IDuplexChannel.sol";
import {Settlement} from "./Settlement.sol";
import {Signatures} from "./Signatures.sol";
import {TypedData} from "./TypedData.sol";

/// @title All channels of one deployment, and the preimage registry
/// @dev The manual is the interface. Every function reads: checks, effects, event, then money. An open channel is one
/// word of storage; a direction of a closed one that somebody posted something for is one more.
contract DuplexChannel is IDuplexChannel {
    using Signatures for Sig;

    /// @dev An open channel, one word. Zero = there is none.
    struct Channel {
        int96 netA;
        int96 netB;
        uint32 deadline;
        uint16 sequence;
        uint16 flags;
    }

    /// @dev One direction of a closed channel, one word.
    struct Direction {
        uint48 nonce;
        uint96 transferred;
        uint96 floor;
        bool hasLocks;
        // The floor of the closer's direction starts as its declaration; when it rises, the declaration moves out.
        bool declaredApart;
    }

    /// @dev What is posted while a channel is closed. Indices: 0 = from A, 1 = from B.
    struct Dispute {
        Direction[2] directions;
        bytes32[2] locksRoots;
        uint96 declared;
    }

    /// @dev Shares a word, so that the guard costs no cold slot.
    struct Common {
        uint64 channelCount;
        bool entered;
    }

    uint16 private constant EXISTS = 1;
    uint16 private constant CLOSED_BY_B = 2;
    uint16 private constant RECOVERED = 4;
    uint16 private constant CONTESTED = 8;
    uint16 private constant POSTED_A = 16;
    uint16 private constant POSTED_B = 32;

    uint256 private constant A = 0;
    uint256 private constant B = 1;
    uint256 private constant LOCK_SIZE = 56;
    uint256 private constant MAX_LOCKS = 64;

    /// @inheritdoc IDuplexChannel
    uint32 public immutable minWindow;
    /// @inheritdoc IDuplexChannel
    uint32 public immutable maxWindow;
    uint256 private immutable deployedChainId;
    bytes32 private immutable deployedSeparator;

    Common private common;
    mapping(bytes32 channelId => Channel) private channels;
    mapping(bytes32 channelId => Dispute) private disputes;
    /// @inheritdoc IDuplexChannel
    mapping(bytes32 paymentHash => uint256 height) public preimageBlock;
    /// @inheritdoc IDuplexChannel
    mapping(address account => mapping(address token => uint256 amount)) public credit;

    /// @param min The shortest finalization period in blocks that a channel may have.
    /// @param max The longest one.
    constructor(uint32 min, uint32 max) {
        if (min < 2 || max < min || type(uint24).max < max) revert BoundsInvalid(min, max);
        minWindow = min;
        maxWindow = max;
        deployedChainId = block.chainid;
        deployedSeparator = TypedData.domainSeparator(block.chainid, address(this));
    }

    // -------------------------------------------------------------------------------------------------- opening

    /// @inheritdoc IDuplexChannel
    function open(address accountB, address token, uint96 amount, uint32 window, uint16 penaltyBps)
        external
        payable
        returns (bytes32 channelId)
    {
        if (accountB == address(0) || accountB == msg.sender || accountB == address(this)) {
            revert PartnerInvalid(accountB);
        }
        if (window < minWindow || maxWindow < window) revert WindowOutOfBounds(window, minWindow, maxWindow);
        if (token != address(0) && token.code.length == 0) revert NotAToken(token);
        amount = take(token, amount);

        uint64 number = ++common.channelCount;
        channelId = keccak256(abi.encode(Params(number, msg.sender, accountB, token, window, penaltyBps)));
        channels[channelId] = Channel(plus(0, amount), 0, 0, 0, EXISTS);
        emit Opened(channelId, msg.sender, accountB, number, token, window, penaltyBps, amount);
    }

    /// @inheritdoc IDuplexChannel
    function deposit(Params calldata params, bool toB, uint96 amount) external payable {
        amount = take(params.token, amount);
        (bytes32 id, Channel memory channel_) = findOpen(params);

        if (toB) channel_.netB = plus(channel_.netB, amount);
        else channel_.netA = plus(channel_.netA, amount);
        channels[id] = channel_;
        emit Deposited(id, toB, amount);
    }

    // ------------------------------------------------------------------------------------------ by agreement

    /// @inheritdoc IDuplexChannel
    function cooperativeWithdraw(
        Params calldata params,
        bool fromB,
        uint96 amount,
        uint32 validUntil,
        Sig calldata sigA,
        Sig calldata sigB
    ) external {
        requireValid(validUntil);
        (bytes32 id, Channel memory channel_) = findOpen(params);
        requireBoth(params, TypedData.cooperativeWithdraw(id, fromB, amount, channel_.sequence, validUntil), sigA, sigB);
        int256 taken = int256(uint256(amount));
        if (total(channel_) < taken) revert InsufficientChannelBalance(taken, total(channel_));

        // Can not leave the range: neither net is above 2^95 - 1, and their sum does not become negative.
        if (fromB) channel_.netB = int96(channel_.netB - taken);
        else channel_.netA = int96(channel_.netA - taken);
        channel_.sequence += 1;
        channels[id] = channel_;
        emit Withdrawn(id, fromB, amount, channel_.sequence);

        lockTokens(params.token);
        payOrCredit(params.token, fromB ? params.accountB : params.accountA, amount);
        unlockTokens(params.token);
    }

    /// @inheritdoc IDuplexChannel
    function cooperativeClose(
        Params calldata params,
        int96 netToA,
        uint32 validUntil,
        Sig calldata sigA,
        Sig calldata sigB
    ) external {
        requireValid(validUntil);
        (bytes32 id, Channel memory channel_) = find(params);
        requireBoth(params, TypedData.cooperativeClose(id, netToA, channel_.sequence, validUntil), sigA, sigB);
        int256 payA = int256(channel_.netA) + netToA;
        int256 payB = total(channel_) - payA;
        if (payA < 0) revert InsufficientChannelBalance(-int256(netToA), channel_.netA);
        if (payB < 0) revert InsufficientChannelBalance(netToA, channel_.netB);

        clear(id, channel_);
        emit CooperativelyClosed(id, uint96(uint256(payA)), uint96(uint256(payB)));

        payBoth(params, uint256(payA), uint256(payB));
    }

    // ------------------------------------------------------------------------------------------------ alone

    /// @inheritdoc IDuplexChannel
    function close(
        Params calldata params,
        uint96 declared,
        BalanceProof calldata incoming,
        Sig calldata sig,
        uint32 validUntil
    ) external {
        requireValid(validUntil);
        (bytes32 id, Channel memory channel_) = findOpen(params);
        (uint256 closer, address partner) = callerOf(params);
        bool posts = incoming.nonce != 0;
        if (posts) requireSigned(partner, TypedData.balanceProof(id, incoming), sig);
        else if (incoming.transferred != 0 || incoming.locksRoot != 0) revert NonceZero();

        uint32 deadline = uint32(block.number + params.window);
        channel_.deadline = deadline;
        if (closer == B) channel_.flags |= CLOSED_BY_B;
        if (declared != 0) {
            channel_.flags |= postedFlag(closer);
            disputes[id].directions[closer].floor = declared;
        }
        if (posts) {
            Direction memory none;
            post(id, channel_, 1 - closer, none, incoming);
        }
        channels[id] = channel_;
        emit Closed(id, closer == B, declared, incoming.nonce, incoming.transferred, incoming.locksRoot, deadline);
    }

    /// @inheritdoc IDuplexChannel
    function recover(Params calldata params, uint32 validUntil) external {
        requireValid(validUntil);
        (bytes32 id, Channel memory channel_) = findOpen(params);
        (uint256 closer,) = callerOf(params);

        channel_.deadline = uint32(block.number + 3 * uint256(params.window));
        channel_.flags |= closer == B ? RECOVERED | CLOSED_BY_B : RECOVERED;
        channels[id] = channel_;
        emit Recovered(id, closer == B, channel_.deadline);
    }

    /// @inheritdoc IDuplexChannel
    function counterClaim(Params calldata params, BalanceProof calldata proof, Sig calldata senderSig, Sig calldata ack)
        external
    {
        (bytes32 id, Channel memory channel_) = findClosed(params);
        bytes32 proofHash = TypedData.balanceProof(id, proof);
        uint256 sender = signerOf(params, proofHash, senderSig);
        Direction memory direction_ = posted(id, channel_, sender);
        bool refuting = channel_.deadline < block.number;
        if (refuting) {
            uint256 last = lastHeight(params, channel_);
            if (last < block.number) revert TooLate(block.number, last);
            if (direction_.nonce == 0) revert NothingToRefute(id);
        }
        address recipient = accountOf(params, 1 - sender);
        if (!ack.isAbsent()) requireSigned(recipient, TypedData.ack(proofHash), ack);
        else if (refuting || msg.sender != recipient) revert AckMissing(recipient);

        uint16 flags = channel_.flags;
        post(id, channel_, sender, direction_, proof);
        channel_.flags |= CONTESTED;
        if (channel_.flags != flags) channels[id] = channel_;
        emit CounterClaimed(
            id, sender == B, proof.nonce, proof.transferred, proof.locksRoot, uint32(lastHeight(params, channel_) + 1)
        );
    }

    /// @inheritdoc IDuplexChannel
    function raiseFloor(Params calldata params, BalanceProof calldata proof, Sig calldata senderSig) external {
        (bytes32 id, Channel memory channel_) = findClosed(params);
        if (channel_.deadline < block.number) revert TooLate(block.number, channel_.deadline);
        uint256 sender = signerOf(params, TypedData.balanceProof(id, proof), senderSig);
        Direction memory direction_ = posted(id, channel_, sender);
        if (proof.transferred <= direction_.floor) revert FloorNotRaised(direction_.floor, proof.transferred);

        if (!direction_.declaredApart && declares(channel_, sender)) {
            if (direction_.floor != 0) disputes[id].declared = direction_.floor;
            direction_.declaredApart = true;
        }
        direction_.floor = proof.transferred;
        disputes[id].directions[sender] = direction_;
        if (!isPosted(channel_, sender)) channels[id].flags = channel_.flags | postedFlag(sender);
        emit FloorRaised(id, sender == B, proof.transferred);
    }

    /// @inheritdoc IDuplexChannel
    function settle(Params calldata params, bytes calldata locksAB, bytes calldata locksBA) external {
        (bytes32 id, Channel memory channel_) = findClosed(params);
        uint256 last = lastHeight(params, channel_);
        if (block.number <= last) revert NotFinal(block.number, last + 1);
        bool mayBeLost = last + params.window < block.number;
        Direction memory fromA = posted(id, channel_, A);
        Direction memory fromB = posted(id, channel_, B);
        uint256 owedByA = owed(fromA, locksRoot(id, A, fromA), locksAB, channel_.deadline, mayBeLost);
        uint256 owedByB = owed(fromB, locksRoot(id, B, fromB), locksBA, channel_.deadline, mayBeLost);
        (uint256 payA, uint256 payB) = Settlement.split(channel_.netA, uint256(total(channel_)), owedByA, owedByB);
        uint256 penalty;
        if (closerOf(channel_) == A) {
            penalty = Settlement.penalty(payA, shown(fromA), declaredBy(id, channel_, fromA), params.penaltyBps);
            (payA, payB) = (payA - penalty, payB + penalty);
        } else {
            penalty = Settlement.penalty(payB, shown(fromB), declaredBy(id, channel_, fromB), params.penaltyBps);
            (payA, payB) = (payA + penalty, payB - penalty);
        }

        clear(id, channel_);
        emit Settled(id, uint96(payA), uint96(payB), uint96(penalty));

        payBoth(params, payA, payB);
    }

    /// @inheritdoc IDuplexChannel
    function registerPreimages(bytes32[] calldata preimages) external {
        for (uint256 i = 0; i < preimages.length; ++i) {
            bytes32 preimage = preimages[i];
            bytes32 paymentHash = sha256(abi.encodePacked(preimage));
            if (preimageBlock[paymentHash] != 0) continue;
            preimageBlock[paymentHash] = block.number;
            emit PreimageRegistered(paymentHash, preimage);
        }
    }

    /// @inheritdoc IDuplexChannel
    function withdraw(address token, address to) external {
        uint256 amount = credit[msg.sender][token];
        if (amount == 0) revert NoCredit(msg.sender, token);

        delete credit[msg.sender][token];
        emit CreditWithdrawn(msg.sender, token, to, amount);

        lockTokens(token);
        if (to == address(0) || !Assets.tryPay(token, to, amount)) revert PaymentFailed(to, amount);
        unlockTokens(token);
    }

    // ------------------------------------------------------------------------------------------------ views

    /// @inheritdoc IDuplexChannel
    function channelCount() external view returns (uint64) {
        return common.channelCount;
    }

    /// @inheritdoc IDuplexChannel
    function channel(bytes32 channelId)
        external
        view
        returns (int96 netA, int96 netB, uint32 deadline, uint16 sequence, uint16 flags)
    {
        Channel memory channel_ = channels[channelId];
        return (channel_.netA, channel_.netB, channel_.deadline, channel_.sequence, channel_.flags);
    }

    /// @inheritdoc IDuplexChannel
    function direction(bytes32 channelId, bool fromB)
        external
        view
        returns (uint48 nonce, uint96 transferred, uint96 floor, uint96 declared, bytes32 root)
    {
        Channel memory channel_ = channels[channelId];
        uint256 sender = fromB ? B : A;
        Direction memory direction_ = posted(channelId, channel_, sender);
        if (declares(channel_, sender)) declared = uint96(declaredBy(channelId, channel_, direction_));
        root = locksRoot(channelId, sender, direction_);
        return (direction_.nonce, direction_.transferred, direction_.floor, declared, root);
    }

    /// @inheritdoc IDuplexChannel
    function domainSeparator() public view returns (bytes32) {
        // A chain that splits has two ids; a signature must be good on one of the two only.
        if (block.chainid == deployedChainId) return deployedSeparator;
        return TypedData.domainSeparator(block.chainid, address(this));
    }

    // ----------------------------------------------------------------------------------- finding a channel

    function find(Params calldata params) private view returns (bytes32 id, Channel memory channel_) {
        id = keccak256(abi.encode(params));
        channel_ = channels[id];
        if (channel_.flags == 0) revert UnknownChannel(id);
    }

    function findOpen(Params calldata params) private view returns (bytes32 id, Channel memory channel_) {
        (id, channel_) = find(params);
        if (channel_.deadline != 0) revert NotOpen(id, channel_.deadline);
    }

    function findClosed(Params calldata params) private view returns (bytes32 id, Channel memory channel_) {
        (id, channel_) = find(params);
        if (channel_.deadline == 0) revert NotClosed(id);
    }

    /// @dev What was posted for the direction of `sender`; flags spare the look at words that do not exist.
    function posted(bytes32 id, Channel memory channel_, uint256 sender)
        private
        view
        returns (Direction memory direction_)
    {
        if (isPosted(channel_, sender)) direction_ = disputes[id].directions[sender];
    }

    function isPosted(Channel memory channel_, uint256 sender) private pure returns (bool) {
        return channel_.flags & postedFlag(sender) != 0;
    }

    function postedFlag(uint256 sender) private pure returns (uint16) {
        return sender == A ? POSTED_A : POSTED_B;
    }

    function locksRoot(bytes32 id, uint256 sender, Direction memory direction_) private view returns (bytes32) {
        return direction_.hasLocks ? disputes[id].locksRoots[sender] : bytes32(0);
    }

    function total(Channel memory channel_) private pure returns (int256) {
        return int256(channel_.netA) + channel_.netB;
    }

    function closerOf(Channel memory channel_) private pure returns (uint256) {
        return channel_.flags & CLOSED_BY_B == 0 ? A : B;
    }

    /// @dev Whether `sender` closed and did not do it by `recover`.
    function declares(Channel memory channel_, uint256 sender) private pure returns (bool) {
        return channel_.deadline != 0 && channel_.flags & RECOVERED == 0 && closerOf(channel_) == sender;
    }

    /// @dev The last height at which anything may be posted.
    function lastHeight(Params calldata params, Channel memory channel_) private pure returns (uint256) {
        return channel_.flags & CONTESTED == 0 ? channel_.deadline : channel_.deadline + uint256(params.window) / 2;
    }

    // ------------------------------------------------------------------------------------------------- who

    function accountOf(Params calldata params, uint256 index) private pure returns (address) {
        return index == A ? params.accountA : params.accountB;
    }

    function callerOf(Params calldata params) private view returns (uint256 index, address partner) {
        if (msg.sender == params.accountA) return (A, params.accountB);
        if (msg.sender == params.accountB) return (B, params.accountA);
        revert NotParticipant(msg.sender);
    }

    /// @dev Whose direction a proof is for: its signer's.
    function signerOf(Params calldata params, bytes32 structHash, Sig calldata sig) private view returns (uint256) {
        address account = sig.account();
        if (account != params.accountA && account != params.accountB) revert SignatureInvalid(address(0));
        if (!sig.signed(TypedData.digest(domainSeparator(), structHash))) revert SignatureInvalid(account);
        return account == params.accountA ? A : B;
    }

    function requireSigned(address account, bytes32 structHash, Sig calldata sig) private view {
        bytes32 digest = TypedData.digest(domainSeparator(), structHash);
        if (sig.account() != account || !sig.signed(digest)) revert SignatureInvalid(account);
    }

    /// @dev Both agree: who calls agrees by calling.
    function requireBoth(Params calldata params, bytes32 structHash, Sig calldata sigA, Sig calldata sigB)
        private
        view
    {
        if (msg.sender != params.accountA) requireSigned(params.accountA, structHash, sigA);
        if (msg.sender != params.accountB) requireSigned(params.accountB, structHash, sigB);
    }

    function requireValid(uint32 validUntil) private view {
        if (validUntil < block.number) revert Expired(block.number, validUntil);
    }

    // --------------------------------------------------------------------------------- posting and settling

    /// @dev Puts a newer proof in place of what is posted; the caller stores the flags.
    function post(
        bytes32 id,
        Channel memory channel_,
        uint256 sender,
        Direction memory direction_,
        BalanceProof calldata proof
    ) private {
        if (proof.nonce <= direction_.nonce) revert Stale(direction_.nonce, proof.nonce);

        if (proof.locksRoot != 0) disputes[id].locksRoots[sender] = proof.locksRoot;
        else if (direction_.hasLocks) delete disputes[id].locksRoots[sender];
        direction_.nonce = proof.nonce;
        direction_.transferred = proof.transferred;
        direction_.hasLocks = proof.locksRoot != 0;
        disputes[id].directions[sender] = direction_;
        channel_.flags |= postedFlag(sender);
    }

    /// @dev What the sender of a direction owes in all.
    function owed(Direction memory direction_, bytes32 root, bytes calldata locks, uint256 deadline, bool mayBeLost)
        private
        view
        returns (uint256)
    {
        bytes32 given = locks.length == 0 ? bytes32(0) : keccak256(locks);
        if (given != root && (locks.length != 0 || !mayBeLost)) revert LocksMismatch(root, given);
        if (locks.length % LOCK_SIZE != 0 || MAX_LOCKS * LOCK_SIZE < locks.length) revert LocksMalformed(locks.length);

        uint256 sum = direction_.transferred;
        for (uint256 offset = 0; offset < locks.length; offset += LOCK_SIZE) {
            // id u64 | amount u96 | expiry u32 | the first 64 bits of the payment hash
            uint256 head = uint256(bytes32(locks[offset:]));
            uint256 registered = preimageBlock[bytes32(locks[offset + 24:])];
            if (registered != 0 && registered <= Settlement.min(uint32(head >> 64), deadline)) {
                sum += uint96(head >> 96);
            }
        }
        return Settlement.max(direction_.floor, sum);
    }

    /// @dev What is known that the sender of a direction has sent.
    function shown(Direction memory direction_) private pure returns (uint256) {
        return Settlement.max(direction_.transferred, direction_.floor);
    }

    /// @dev What the closer declared; after `recover` nothing counts as hidden.
    /// @param direction_ The closer's.
    function declaredBy(bytes32 id, Channel memory channel_, Direction memory direction_)
        private
        view
        returns (uint256)
    {
        if (channel_.flags & RECOVERED != 0) return type(uint96).max;
        return direction_.declaredApart ? disputes[id].declared : direction_.floor;
    }

    /// @dev Ends the channel: every word goes back to zero.
    function clear(bytes32 id, Channel memory channel_) private {
        delete channels[id];
        for (uint256 sender = A; sender <= B; ++sender) {
            if (!isPosted(channel_, sender)) continue;
            Direction storage direction_ = disputes[id].directions[sender];
            if (direction_.hasLocks) delete disputes[id].locksRoots[sender];
            if (direction_.declaredApart) delete disputes[id].declared;
            delete disputes[id].directions[sender];
        }
    }

    // ------------------------------------------------------------------------------------------------ money

    /// @dev Takes a deposit in and says how much of it arrived.
    function take(address token, uint96 amount) private returns (uint96) {
        uint256 expected = token == address(0) ? amount : 0;
        if (msg.value != expected) revert ValueMismatch(msg.value, expected);
        if (token == address(0) || amount == 0) return amount;

        lockTokens(token);
        uint256 arrived = Assets.pull(token, amount);
        unlockTokens(token);
        if (type(uint96).max < arrived) revert DepositTooLarge(arrived, type(uint96).max);
        return uint96(arrived);
    }

    function plus(int96 net, uint96 amount) private pure returns (int96) {
        int256 sum = int256(net) + int256(uint256(amount));
        if (type(int96).max < sum) revert DepositTooLarge(amount, uint256(int256(type(int96).max) - net));
        return int96(sum);
    }

    function payBoth(Params calldata params, uint256 payA, uint256 payB) private {
        lockTokens(params.token);
        payOrCredit(params.token, params.accountA, payA);
        payOrCredit(params.token, params.accountB, payB);
        unlockTokens(params.token);
    }

    /// @dev What can not be paid now waits for `withdraw`; it holds up nobody else.
    function payOrCredit(address token, address account, uint256 amount) private {
        if (amount == 0 || Assets.tryPay(token, account, amount)) return;
        credit[account][token] += amount;
        emit Credited(account, token, amount);
    }

    /// @dev A token may call back. Storage, because Qtum does not revert transient storage.
    function lockTokens(address token) private {
        if (token == address(0)) return;
        if (common.entered) revert Reentered();
        common.entered = true;
    }

    function unlockTokens(address token) private {
        if (token != address(0)) common.entered = false;
    }
}
