"""From judged crops to digits: what the network cannot see in a crop, its row and its frame tell.

`judged` is a crop with what the network thinks of it, and `touching` judges the parts of those in doubt. For
each row, `explanation` chooses the crops that explain its strokes best, in the `company` of what is beyond
doubt, `signs` takes out brackets and the like, and `words` the letters: `rows` is all of that. `credible`
looks at all rows together, `drawings` at what is but drawn, `strays` at what lies about. `tones`
has them do so for what is dark or light, `evidence` weighs what is left against all else in the frame, and
`order` is that in which it is read: `digits` is all of that. Whether what lies on a sheet counts instead,
`on_sheets` decides.
"""
