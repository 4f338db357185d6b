//! Attacks on the verifier, and what it accepts.

#[cfg(test)]
mod accepted;
#[cfg(test)]
mod accepting;
#[cfg(test)]
mod algorithms;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod chains;
#[cfg(test)]
mod detached;
#[cfg(test)]
mod dialects;
#[cfg(test)]
mod every_bit;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod make_fixtures;
#[cfg(test)]
mod mutation;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod roots;
#[cfg(test)]
mod saying;
#[cfg(test)]
mod signers;
#[cfg(test)]
mod spellings;
#[cfg(test)]
mod support;
#[cfg(test)]
mod timestamps;
