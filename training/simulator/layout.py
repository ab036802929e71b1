"""What the files of a simulated data set are called, by who writes and who reads them."""

#: What tells the set from recordings of people.
SIMULATION = "simulation.json"
LABELS = "labels.csv"
SUBJECTS = "subjects.csv"
