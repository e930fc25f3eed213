//! Contract outputs: `OP_CREATE` and `OP_CALL`, with or without `OP_SENDER` in front.

use sparky_protocol::Account;

use super::push::{Pushes, number, push, push_number};
use super::sender::OpSender;
use super::{OP_CALL, OP_CREATE, OP_SENDER, Script};

/// Format 0, root VM 0, VM version 4: the EVM with its default rules.
pub const EVM_VERSION: u8 = 4;

/// How much may be computed and at what price.
///
/// The fee of the transaction must hold `limit × price` for every contract output. What is not used
/// comes back in the reward of the block, 2,000 blocks later: do not over-set the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gas {
    /// Most gas that may be used. Qtum Core relays 22,000 to 20,000,000.
    pub limit: u64,
    /// Satoshi for one gas. Qtum Core relays 40 and more.
    pub price: u64,
}

impl Gas {
    /// What the limit costs, in satoshi; `None` if that is more than there can be.
    pub const fn cost(self) -> Option<u64> {
        self.limit.checked_mul(self.price)
    }
}

/// What a contract output does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Deploys the data as code. The output's value must be 0: Qtum has no payable constructors.
    Create,
    /// Calls this contract with the data.
    Call(Account),
}

/// A contract output, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// Version byte(s): 4 for the EVM; 0 only in the transactions that the block assembler adds.
    pub version: u64,
    /// Gas limit and price.
    pub gas: Gas,
    /// Code to deploy or data of the call.
    pub data: Vec<u8>,
    /// Deployment or call.
    pub target: Target,
    /// The sender that `OP_SENDER` names, if it stands in front.
    pub sender: Option<OpSender>,
}

impl Contract {
    /// Takes a script apart, or says `None` if it is not a contract script.
    pub fn parse(script: &[u8]) -> Option<Self> {
        match OpSender::split(script) {
            Some((sender, rest)) => Some(Self {
                sender: Some(sender),
                ..Self::parse_bare(rest)?
            }),
            None if script.last() == Some(&OP_SENDER) => None,
            None => Self::parse_bare(script),
        }
    }

    fn parse_bare(script: &[u8]) -> Option<Self> {
        let (opcode, pushes) = script.split_last()?;
        let mut pushes = Pushes::new(pushes);
        let mut next = || pushes.next().flatten();
        let version = number(next()?)?;
        let gas = Gas {
            limit: number(next()?)?,
            price: number(next()?)?,
        };
        let data = next()?.to_vec();
        let target = match *opcode {
            OP_CREATE => Target::Create,
            OP_CALL => Target::Call(Account(next()?.try_into().ok()?)),
            _ => return None,
        };
        pushes.rest().is_empty().then_some(Self {
            version,
            gas,
            data,
            target,
            sender: None,
        })
    }

    /// The script again. Equal to what was parsed if all pushes were of the shortest form.
    pub fn to_script(&self) -> Script {
        let mut script = Vec::with_capacity(self.data.len() + 64);
        if let Some(sender) = &self.sender {
            sender.write(&mut script);
        }
        if self.version == 0 {
            // As the block assembler writes zeroes: one byte, not the empty push.
            push(&mut script, &[0]);
        } else {
            push_number(&mut script, self.version);
        }
        for value in [self.gas.limit, self.gas.price] {
            if self.version == 0 && value == 0 {
                push(&mut script, &[0]);
            } else {
                push_number(&mut script, value);
            }
        }
        push(&mut script, &self.data);
        match self.target {
            Target::Create => script.push(OP_CREATE),
            Target::Call(contract) => {
                push(&mut script, &contract.0);
                script.push(OP_CALL);
            }
        }
        Script(script)
    }
}

/// A call. `data` must not be empty: Qtum Core relays no such call, so `receive()` is unreachable.
pub fn call(contract: &Account, data: Vec<u8>, gas: Gas) -> Script {
    let target = Target::Call(*contract);
    Contract {
        version: EVM_VERSION.into(),
        gas,
        data,
        target,
        sender: None,
    }
    .to_script()
}

/// A deployment of `code` (with encoded constructor arguments behind it).
pub fn create(code: Vec<u8>, gas: Gas) -> Script {
    Contract {
        version: EVM_VERSION.into(),
        gas,
        data: code,
        target: Target::Create,
        sender: None,
    }
    .to_script()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_call_has_the_bytes_that_qtumd_accepted() {
        let contract = Account([0xd3; 20]);
        let script = call(
            &contract,
            vec![0xd0, 0xe3, 0x0d, 0xb0],
            Gas {
                limit: 250_000,
                price: 40,
            },
        );
        let expected = format!("01040390d003012804d0e30db014{}c2", "d3".repeat(20));
        assert_eq!(hex::encode(&script.0), expected);
    }

    #[test]
    fn what_a_contract_owns_has_its_own_form() {
        let bytes = hex::decode(format!("010001000100010014{}c2", "d3".repeat(20))).unwrap();
        let parsed = Contract::parse(&bytes).unwrap();
        assert_eq!(
            (parsed.version, parsed.gas.limit, parsed.data.as_slice()),
            (0, 0, &[0][..])
        );
        assert_eq!(parsed.to_script().0, bytes);
    }

    #[test]
    fn the_small_opcode_for_the_version_is_understood() {
        let bytes =
            hex::decode(format!("540390d003012804d0e30db014{}c2", "d3".repeat(20))).unwrap();
        assert_eq!(Contract::parse(&bytes).unwrap().version, 4);
    }

    #[test]
    fn near_misses_are_not_contracts() {
        for text in [
            "c2",
            "0104c1",
            "01040390d003012804d0e30db0c2",
            "01040390d003012804d0e30db00100c1",
        ] {
            assert_eq!(Contract::parse(&hex::decode(text).unwrap()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_built_parses(
            data in prop::collection::vec(any::<u8>(), 1..400),
            limit in 0_u64..20_000_000, price in 0_u64..10_000, contract: [u8; 20],
        ) {
            let gas = Gas { limit, price };
            let parsed = Contract::parse(&call(&Account(contract), data.clone(), gas).0).unwrap();
            prop_assert_eq!(&parsed.data, &data);
            prop_assert_eq!((parsed.gas, parsed.target), (gas, Target::Call(Account(contract))));
            let parsed = Contract::parse(&create(data.clone(), gas).0).unwrap();
            prop_assert_eq!((parsed.data, parsed.target), (data, Target::Create));
        }
    }
}
