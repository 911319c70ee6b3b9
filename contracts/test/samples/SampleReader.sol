// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Sample} from "./Sample.sol";

/// @notice A consumer that knows nothing of replicas: it reads whatever contract it is given.
contract SampleReader {
    /// @notice By STATICCALL, as the compiler makes it for a view.
    function byStaticCall(Sample sample, uint256 key) external view returns (uint256 value, address asked) {
        return (sample.values(key), sample.whoAsks());
    }

    /// @notice By CALL, as the compiler makes it for a function that may write.
    function byCall(Sample sample, uint256 key) external returns (uint256 value) {
        return sample.writesAndAnswers(key);
    }
}
