"""What is to be done next, and who does it: in one process, or shared by any number of them."""
