"""Bad input of mnvh.estimates, in the form of CASES in test_bad_input.py."""

nan, inf = float("nan"), float("inf")
NO_POWERS = [[1.0, nan], [1.0, inf], [0.0, 1.0], [-1.0, 1.0], [1.0], [1.0, 2.0, 3.0], "a", None, 1.0, []]

CASES = {
    "estimates.deviation": (
        dict(samples=[1.0, 2.0, 4.0]),
        *[({"samples": value}, "samples") for value in ([1.0], [1.0, 2.0], [1.0, nan], [1.0, inf], [2.0, 2.0], [[1.0, 2.0], [3.0, 3.0]], "a", None, 1.0, [])],
    ),
    "estimates.exponent": (
        dict(x=[1.0, 2.0], y=[1.0, 4.0], stderr=[0.1, 0.1]),
        *[({"x": value}, "x") for value in (*NO_POWERS, [2.0, 2.0])],
        *[({"y": value}, "y") for value in NO_POWERS],
        *[({"stderr": value}, "stderr") for value in NO_POWERS],
    ),
}
