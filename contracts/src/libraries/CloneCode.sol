// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title CloneCode
/// @notice Recognises the runtime code of clones: a few bytes that delegate everything to an address in their midst and hand
/// back what that answers, as it is. `src/smartsync/clones.py` lists them too.
/// @dev Byte for byte: a clone with arguments behind its code is another one, since the implementation reads them out of
/// it (`extcodecopy(address(this))`), and a replica has other code. Vyper's clones are not here: they hand back 4,096 bytes
/// whatever the answer's length.
library CloneCode {
    /// @dev The longest of the forms.
    uint256 private constant LONGEST = 45;

    /// @dev Where in its code a clone of any form has come to its DELEGATECALL.
    uint256 private constant BEGINNING = 120;

    /// @notice What a clone delegates to; zero where the code is not a clone's.
    function target(bytes calldata code) internal pure returns (address) {
        return code.length > LONGEST ? address(0) : _target(code);
    }

    /// @notice What code delegates to, whatever is called: an address that its first instructions push, right before GAS and
    /// DELEGATECALL; zero where they do not. Clones of every form are so, also those that a replica cannot be made of: with
    /// arguments behind their code, with an address cut short, Vyper's.
    function fixedTarget(bytes calldata code) internal pure returns (address) {
        return _fixedTarget(code.length > BEGINNING ? code[:BEGINNING] : code);
    }

    /// @notice The same of the contract that stands at an address here.
    function fixedTargetAt(address place) internal view returns (address) {
        uint256 size = place.code.length;
        bytes memory code = new bytes(size > BEGINNING ? BEGINNING : size);
        assembly ("memory-safe") {
            extcodecopy(place, add(code, 32), 0, mload(code))
        }
        return _fixedTarget(code);
    }

    function _fixedTarget(bytes memory code) private pure returns (address found) {
        assembly ("memory-safe") {
            let end := add(add(code, 32), mload(code))
            let next := 0
            for { let at := add(code, 32) } lt(at, end) { at := next } {
                let op := byte(0, mload(at))
                next := add(at, 1)
                // PUSH1 to PUSH32
                if lt(sub(op, 0x60), 32) {
                    let size := sub(op, 0x5f)
                    next := add(next, size)
                    // GAS DELEGATECALL
                    if and(lt(add(next, 1), end), eq(shr(240, mload(next)), 0x5af4)) {
                        found := shr(sub(256, mul(8, size)), mload(add(at, 1)))
                        // DELEGATECALL takes the lower 160 bits.
                        found := and(found, 0xffffffffffffffffffffffffffffffffffffffff)
                        // A delegation to nobody is none, and may stand before one that is.
                        if found { break }
                    }
                }
            }
        }
    }

    function _target(bytes memory code) private pure returns (address) {
        // EIP-1167
        address found = _within(code, hex"363d3d373d3d3d363d73", hex"5af43d82803e903d91602b57fd5bf3");
        if (found != address(0)) return found;
        // 0age's, one byte shorter
        found = _within(code, hex"3d3d3d3d363d3d37363d73", hex"5af43d3d93803e602a57fd5bf3");
        if (found != address(0)) return found;
        // with PUSH0: EIP-7511's and Solady's
        found = _within(code, hex"365f5f375f5f365f73", hex"5af43d5f5f3e5f3d91602a57fd5bf3");
        if (found != address(0)) return found;
        return _within(code, hex"5f5f365f5f37365f73", hex"5af43d5f5f3e6029573d5ffd5b3d5ff3");
    }

    function _within(bytes memory code, bytes memory before, bytes memory behind) private pure returns (address found) {
        if (code.length != before.length + 20 + behind.length) return address(0);
        uint256 end = before.length + 20;
        assembly ("memory-safe") {
            found := and(mload(add(code, end)), 0xffffffffffffffffffffffffffffffffffffffff)
        }
        if (keccak256(code) != keccak256(abi.encodePacked(before, found, behind))) return address(0);
    }
}
