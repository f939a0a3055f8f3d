def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=2, help="how often each run of tests/cli/test_kill.py is killed")
