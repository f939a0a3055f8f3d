"""What the tasks that train a network are made of: parameters in one flat vector, and the networks themselves."""
