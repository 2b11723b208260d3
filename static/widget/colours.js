// The merchant's colour, if it is one, and what can be read on it.

function colour(text) {
  return /^#[0-9a-f]{6}$/i.test(text) ? text : "#3b4cca";
}

// Black or white, whichever can be read on it.
function onColour(text) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(colour(text).slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000000" : "#ffffff";
}
