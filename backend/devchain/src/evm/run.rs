//! Call frames: opening, running and closing them by the rules of Qtum's executive.

use std::ops::Range;

use revm::bytecode::Bytecode;
use revm::context_interface::CreateScheme;
use revm::interpreter::interpreter::{EthInterpreter, ExtBytecode};
use revm::interpreter::interpreter_types::ReturnData;
use revm::interpreter::{
    CallInput, CallInputs, CreateInputs, FrameInput, InputsImpl, InstructionResult,
    InstructionTable, Interpreter, InterpreterAction, InterpreterResult, SharedMemory,
};
use revm::primitives::hardfork::SpecId;
use revm::primitives::{Address, Bytes, U256, keccak256};

use super::host::{QtumHost, Substate};
use super::{Exception, precompile};

pub(crate) const SPEC: SpecId = SpecId::CANCUN;
const DEPTH_LIMIT: usize = 1_024;
const MAX_CODE_SIZE: usize = 0x6000;
const CODE_BYTE_GAS: u64 = 200;

/// What became of a frame.
pub(crate) struct Ended {
    pub exception: Exception,
    pub gas_left: u64,
    pub output: Bytes,
    /// The contract that a creating frame made.
    pub created: Option<Address>,
    /// What was left when a creating frame returned its code.
    pub gas_for_deposit: u64,
    /// Whether code ran: plain payments earn no refund and keep no substate.
    pub ran_code: bool,
}

impl Ended {
    fn light(exception: Exception, gas_left: u64) -> Self {
        Self {
            exception,
            gas_left,
            output: Bytes::new(),
            created: None,
            gas_for_deposit: 0,
            ran_code: false,
        }
    }
}

enum Kind {
    Call { returns_to: Range<usize> },
    Create { address: Address },
}

struct Frame {
    interpreter: Interpreter<EthInterpreter>,
    checkpoint: usize,
    kind: Kind,
}

/// A frame that was asked for: already over, or open.
#[expect(clippy::large_enum_variant, reason = "short-lived, one per call")]
enum Opened {
    Ended(Ended, Range<usize>),
    Frame(Frame),
}

/// The outermost call of a transaction.
pub(crate) struct OuterCall<'a> {
    pub sender: Address,
    pub to: Address,
    pub value: U256,
    pub data: &'a [u8],
    pub gas: u64,
}

pub(crate) fn call(host: &mut QtumHost<'_>, call: &OuterCall<'_>) -> Ended {
    let inputs = CallInputs {
        input: CallInput::Bytes(Bytes::copy_from_slice(call.data)),
        return_memory_offset: 0..0,
        gas_limit: call.gas,
        reservoir: 0,
        bytecode_address: call.to,
        known_bytecode: code_of(host, call.to),
        target_address: call.to,
        caller: call.sender,
        value: revm::interpreter::CallValue::Transfer(call.value),
        scheme: revm::interpreter::CallScheme::Call,
        is_static: false,
        charged_new_account_state_gas: false,
    };
    let opened = open_call(host, inputs, 0, SharedMemory::new(), call.data);
    run(host, opened)
}

/// Creates a contract at `address`, which the caller chose: Qtum does not use sender and nonce here.
pub(crate) fn create(
    host: &mut QtumHost<'_>,
    sender: Address,
    address: Address,
    code: &[u8],
    gas: u64,
) -> Ended {
    let code = Bytes::copy_from_slice(code);
    let inputs = CreateInputs::new(
        sender,
        CreateScheme::Custom { address },
        U256::ZERO,
        code,
        gas,
        0,
    );
    let opened = open_create(host, &inputs, 0, SharedMemory::new());
    run(host, opened)
}

fn code_of(host: &QtumHost<'_>, address: Address) -> (revm::primitives::B256, Bytecode) {
    let entry = host.state.get(&address);
    entry
        .map(|entry| (entry.code_hash, entry.code.clone().unwrap_or_default()))
        .unwrap_or_default()
}

fn run(host: &mut QtumHost<'_>, opened: Opened) -> Ended {
    // A const table per host lifetime: two kilobytes, copied once for a transaction.
    let table = instructions();
    let gas_table = revm::interpreter::instructions::gas_table_spec(SPEC);
    let mut frames = match opened {
        Opened::Ended(ended, _) => return ended,
        Opened::Frame(frame) => vec![frame],
    };
    loop {
        let last = frames.len() - 1;
        match frames[last].interpreter.run_plain(&table, &gas_table, host) {
            InterpreterAction::NewFrame(input) => {
                match open_inner(host, &mut frames[last], input, last + 1) {
                    Opened::Frame(frame) => frames.push(frame),
                    Opened::Ended(ended, returns_to) => {
                        resume(&mut frames[last], ended, &returns_to);
                    }
                }
            }
            InterpreterAction::Return(result) => {
                let Some(frame) = frames.pop() else {
                    return Ended::light(Exception::Unknown, 0);
                };
                let ended = close(host, &frame, result);
                let Some(outer) = frames.last_mut() else {
                    return ended;
                };
                let substate = host.frames.pop().unwrap_or_default();
                host.frame().accrue(substate);
                let returns_to = match frame.kind {
                    Kind::Call { returns_to } => returns_to,
                    Kind::Create { .. } => 0..0,
                };
                resume(outer, ended, &returns_to);
            }
        }
    }
}

fn instructions<'a>() -> InstructionTable<EthInterpreter, QtumHost<'a>> {
    revm::interpreter::instructions::instruction_table::<EthInterpreter, QtumHost<'a>>()
}

/// What the instruction leaves to the executive: the two light failures, then the frame.
fn open_inner(
    host: &mut QtumHost<'_>,
    outer: &mut Frame,
    input: FrameInput,
    depth: usize,
) -> Opened {
    let memory = outer.interpreter.memory.new_child_context();
    let (caller, value, gas, recipient, returns_to) = match &input {
        FrameInput::Call(inputs) => (
            inputs.caller,
            inputs.transfer_value().unwrap_or_default(),
            inputs.gas_limit,
            inputs.target_address,
            inputs.return_memory_offset.clone(),
        ),
        FrameInput::Create(inputs) => (
            inputs.caller(),
            inputs.value(),
            inputs.gas_limit(),
            Address::ZERO,
            0..0,
        ),
        FrameInput::Empty => return Opened::Ended(Ended::light(Exception::Unknown, 0), 0..0),
    };
    let light = Opened::Ended(Ended::light(Exception::Unknown, gas), returns_to);
    if DEPTH_LIMIT < depth {
        return light;
    }
    if !value.is_zero() {
        host.frame().warm.insert(caller);
        let balance = host
            .state
            .get(&caller)
            .map(|entry| entry.balance)
            .unwrap_or_default();
        if balance < value {
            return light;
        }
    }
    host.frame().warm.insert(recipient);
    match input {
        FrameInput::Call(inputs) => {
            let read_now = precompile::is_precompile(&inputs.bytecode_address);
            let data = if read_now {
                call_data(&inputs.input, &memory)
            } else {
                Vec::new()
            };
            open_call(host, *inputs, depth, memory, &data)
        }
        FrameInput::Create(inputs) => open_create(host, &inputs, depth, memory),
        FrameInput::Empty => light,
    }
}

fn call_data(input: &CallInput, memory: &SharedMemory) -> Vec<u8> {
    match input {
        CallInput::Bytes(bytes) => bytes.to_vec(),
        CallInput::SharedBuffer(range) => memory.global_slice_range(range.clone()).to_vec(),
    }
}

fn open_call(
    host: &mut QtumHost<'_>,
    inputs: CallInputs,
    depth: usize,
    memory: SharedMemory,
    data: &[u8],
) -> Opened {
    let returns_to = inputs.return_memory_offset.clone();
    if depth == 0 {
        let nonce = host
            .state
            .get(&inputs.caller)
            .map_or(0, |entry| entry.nonce);
        host.state.set_nonce(inputs.caller, nonce + 1);
    }
    let checkpoint = host.state.checkpoint();
    let mut ended = Ended::light(Exception::None, inputs.gas_limit);
    let mut code = Bytecode::default();
    let mut code_hash = revm::primitives::KECCAK_EMPTY;
    if precompile::is_precompile(&inputs.bytecode_address) {
        let Some(ran) = precompile::run(&inputs.bytecode_address, data, inputs.gas_limit) else {
            return Opened::Ended(Ended::light(Exception::OutOfGas, 0), returns_to);
        };
        ended.gas_left = ran.gas_left;
        ended.output = ran.output.into();
    } else {
        (code_hash, code) = inputs.known_bytecode;
    }
    if host.state.get(&inputs.target_address).is_none() {
        host.state.note_stranger(inputs.target_address);
    }
    let transferred = inputs.value.transfer().unwrap_or_default();
    host.state
        .transfer(inputs.caller, inputs.target_address, transferred);
    if code.is_empty() {
        return Opened::Ended(ended, returns_to);
    }
    host.frames.push(Substate::default());
    let input = InputsImpl {
        target_address: inputs.target_address,
        bytecode_address: Some(inputs.bytecode_address),
        caller_address: inputs.caller,
        input: inputs.input,
        call_value: inputs.value.get(),
        depth,
    };
    let code = ExtBytecode::new_with_hash(code, code_hash);
    let interpreter = Interpreter::new(
        memory,
        code,
        input,
        inputs.is_static,
        SPEC,
        inputs.gas_limit,
    );
    Opened::Frame(Frame {
        interpreter,
        checkpoint,
        kind: Kind::Call { returns_to },
    })
}

fn open_create(
    host: &mut QtumHost<'_>,
    inputs: &CreateInputs,
    depth: usize,
    memory: SharedMemory,
) -> Opened {
    let caller = inputs.caller();
    let nonce = host.state.get(&caller).map_or(0, |entry| entry.nonce);
    let address = match inputs.scheme() {
        CreateScheme::Custom { address } => address,
        CreateScheme::Create => caller.create(nonce),
        CreateScheme::Create2 { salt } => {
            caller.create2(salt.to_be_bytes(), keccak256(inputs.init_code()))
        }
    };
    host.state.set_nonce(caller, nonce + 1);
    let checkpoint = host.state.checkpoint();
    let taken = |entry: &super::state::Entry| {
        entry.nonce != 0 || entry.code_hash != revm::primitives::KECCAK_EMPTY
    };
    if host.state.get(&address).is_some_and(taken) {
        return Opened::Ended(Ended::light(Exception::Unknown, 0), 0..0);
    }
    host.state.transfer(caller, address, inputs.value());
    host.state.set_nonce(address, 1);
    if inputs.init_code().is_empty() {
        let ended = Ended {
            created: Some(address),
            ..Ended::light(Exception::None, inputs.gas_limit())
        };
        return Opened::Ended(ended, 0..0);
    }
    host.frames.push(Substate::default());
    let input = InputsImpl {
        target_address: address,
        bytecode_address: None,
        caller_address: caller,
        input: CallInput::Bytes(Bytes::new()),
        call_value: inputs.value(),
        depth,
    };
    let code = ExtBytecode::new(Bytecode::new_legacy(inputs.init_code().clone()));
    let interpreter = Interpreter::new(memory, code, input, false, SPEC, inputs.gas_limit());
    Opened::Frame(Frame {
        interpreter,
        checkpoint,
        kind: Kind::Create { address },
    })
}

/// Keeps or takes back what the frame did, and deploys what a creating frame returned.
fn close(host: &mut QtumHost<'_>, frame: &Frame, result: InterpreterResult) -> Ended {
    let mut ended = Ended {
        exception: exception(result.result),
        gas_left: result.gas.remaining(),
        output: result.output,
        created: None,
        gas_for_deposit: 0,
        ran_code: true,
    };
    if let (Kind::Create { address }, Exception::None) = (&frame.kind, ended.exception) {
        ended.gas_for_deposit = ended.gas_left;
        let deposit = CODE_BYTE_GAS.saturating_mul(ended.output.len() as u64);
        if MAX_CODE_SIZE < ended.output.len() {
            ended.exception = Exception::OutOfGas;
        } else if ended.output.first() == Some(&0xef) {
            ended.exception = Exception::InvalidCode;
        } else if let Some(left) = ended.gas_left.checked_sub(deposit) {
            ended.gas_left = left;
            ended.created = Some(*address);
            host.state
                .set_code(*address, Bytecode::new_legacy(ended.output.clone()));
        } else {
            ended.exception = Exception::OutOfGas;
        }
    }
    match ended.exception {
        Exception::None => return ended,
        Exception::Revert => {}
        _ => (ended.gas_left, ended.output) = (0, Bytes::new()),
    }
    host.frame().clear();
    host.state.roll_back(frame.checkpoint);
    ended
}

/// Hands the outcome of an inner call back to the frame that made it.
fn resume(outer: &mut Frame, ended: Ended, returns_to: &Range<usize>) {
    let interpreter = &mut outer.interpreter;
    interpreter.memory.free_child_context();
    interpreter.gas.erase_cost(ended.gas_left);
    let succeeded = ended.exception == Exception::None;
    let word = match ended.created {
        Some(address) => U256::from_be_bytes(address.into_word().0),
        None => U256::from(u8::from(succeeded)),
    };
    // The instruction popped at least two words: there is room.
    let _ = interpreter.stack.push(word);
    let length = returns_to.len().min(ended.output.len());
    if 0 < length {
        interpreter
            .memory
            .set(returns_to.start, &ended.output[..length]);
    }
    let output = if ended.created.is_some() {
        Bytes::new()
    } else {
        ended.output
    };
    interpreter.return_data.set_buffer(output);
}

fn exception(result: InstructionResult) -> Exception {
    use InstructionResult as R;
    match result {
        R::Stop | R::Return | R::SelfDestruct => Exception::None,
        R::Revert => Exception::Revert,
        R::OpcodeNotFound | R::InvalidFEOpcode | R::NotActivated => Exception::BadInstruction,
        R::InvalidJump => Exception::BadJumpDestination,
        R::StackUnderflow => Exception::StackUnderflow,
        R::StackOverflow => Exception::OutOfStack,
        R::CallNotAllowedInsideStatic | R::StateChangeDuringStaticCall | R::OutOfOffset => {
            Exception::Unknown
        }
        _ => Exception::OutOfGas,
    }
}
