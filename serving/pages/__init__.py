"""Pages for people: rendered here, light in the browser, Chinese and English."""
