"""The live server: runs one world at a steady pace and shows it to pages and programs."""
