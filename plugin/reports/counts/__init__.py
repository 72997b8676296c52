"""How certifications stood at the end of each day, counted by night: what trends by unit are drawn from."""
