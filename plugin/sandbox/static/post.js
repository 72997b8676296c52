// A platform posts its forms by itself; without scripts the button does it.
document.getElementById("post").submit();
