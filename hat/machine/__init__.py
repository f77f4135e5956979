"""What this machine is: its instructions, the rates it reaches, the cores it may use."""
