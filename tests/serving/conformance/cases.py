"""The conformance table: what TensorFlow Serving answers, as plain data.

The expectations come from TensorFlow Serving's own tests and sources, which each row
names; none was taken from the server under test. `table_models.py` makes the models,
`test_rest_table.py` and `test_grpc_table.py` send the requests. Where the embedded
server differs on purpose (a full queue, the size of a body), there is no row.
"""

from body_error_cases import BODY_ERROR_CASES
from grpc_other_cases import OTHER_GRPC_CASES
from grpc_predict_cases import PREDICT_CASES
from path_cases import PATH_CASES
from tensor_cases import TENSOR_CASES
from type_error_cases import TYPE_ERROR_CASES

REST_CASES = (
    *PATH_CASES,
    *TENSOR_CASES,
    *TYPE_ERROR_CASES,
    *BODY_ERROR_CASES,
)

GRPC_CASES = (
    *PREDICT_CASES,
    *OTHER_GRPC_CASES,
)
