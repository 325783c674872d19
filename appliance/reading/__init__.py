"""From judged crops to digits: what the network cannot see in a crop, its row and its frame tell.

`judged` is a crop with what the network thinks of it, and `touching` judges the parts of those in doubt. For
each row, `explanation` chooses the crops that explain its strokes best, `signs` takes out brackets and the
like, and `rows` the words. `credible` looks at all rows together, `drawings` at what is but drawn. `tones`
has them do so for what is dark or light, `evidence` weighs what is left against all else in the frame, and
`order` is that in which it is read: `digits` is all of that. Whether what lies on a sheet counts instead,
`on_sheets` decides.
"""
