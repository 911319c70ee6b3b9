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

    /// @notice What a clone delegates to; zero where the code is not a clone's.
    function target(bytes calldata code) internal pure returns (address) {
        return code.length > LONGEST ? address(0) : _target(code);
    }

    /// @notice The same of the contract that stands at an address here.
    function targetAt(address place) internal view returns (address) {
        return place.code.length > LONGEST ? address(0) : _target(place.code);
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
