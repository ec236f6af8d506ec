"""The market dialogue: questions to a buyer, and answers that everybody reads at the same moment."""
