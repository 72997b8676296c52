"""Whether what is stored is what follows from the rules: for the doctor, who says it, and the daily check, who mends it."""
