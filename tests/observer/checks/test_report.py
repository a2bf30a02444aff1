"""What a proof reports, and that it leaves the models as they were."""

import pytest
import torch

from tests.support.proving import Net, images, proof, prove, splice


def test_the_report_of_a_proof_gives_keys_cost_and_the_number_of_forwards():
    report = proof(Net)
    assert report["keys"] == {
        "added": [
            "layer_gate.reduce.weight",
            "layer_gate.reduce.bias",
            "layer_gate.expand.weight",
            "layer_gate.expand.bias",
        ],
        "lost": [],
        "reshaped": [],
    }
    assert report["params_added"] == 8 * 4 + 4 + 4 * 8 + 8
    assert report["macs_added"] == 2 * 8 * 4
    assert (report["forwards"], report["backwards"], report["notes"]) == (6, 1, [])


def test_the_first_error_of_the_original_model_is_passed_on():
    class Failing(Net):
        def forward(self, x):
            raise KeyError("the model's own")

    with pytest.raises(KeyError):
        proof(Failing)


def test_a_proof_leaves_no_trace_in_the_calls_of_the_models():
    torch.manual_seed(0)
    before, after = Net(False), Net(True)
    prove(before, after, [splice()], images)
    for model in (before, after):
        assert not any("forward" in vars(module) for module in model.modules())
